import { spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { ACTIONS } from "../../../src/api/actions.ts";
import { AWG_PROTO } from "../../../src/api/grpc/awg-proto.ts";
import type { Role } from "../../../src/api/role.ts";
import { ROOT } from "../../repository/sources.ts";
import { useBuiltProgram } from "../../support/built-program.ts";
import { temporaryFolder } from "../../support/folder.ts";
import { commandObstacle, namespaceObstacle, tunObstacle } from "../../support/netns.ts";
import { sized } from "../../support/size.ts";
import { PrivateHost, WHO } from "./private-host.ts";

/** Lets everybody connect to a socket, as no installation does: who may ask is then the program's decision alone. */
const OPEN_SOCKET = `import os, socket, sys
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1]); os.chmod(sys.argv[1], 0o666); s.listen()
os.dup2(s.fileno(), 3); os.set_inheritable(3, True)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[2], sys.argv[2:])`;
const OPEN = "/run/open.sock";
const API = "/run/awg/awg.sock";
/** The daemon's sockets, and who may connect to each. */
const DAEMON_SOCKETS: Readonly<Record<string, Role>> = {
  "/run/awg/daemon.sock": "admin",
  "/run/awg/daemon-viewer.sock": "viewer",
};
const CONNECT = `const socket = require("node:net").connect(process.argv[1]);
socket.on("error", ({ code }) => console.log(code));
socket.on("connect", () => { console.log("connected"); socket.destroy(); });`;

const ROLES: Readonly<Record<keyof typeof WHO, Role | "none">> = {
  root: "admin",
  "admin by primary group": "admin",
  "admin by supplementary group": "admin",
  "viewer by primary group": "viewer",
  "viewer by supplementary group": "viewer",
  "another group": "none",
  stranger: "none",
  "root of a user namespace": "none",
};
const EVERYBODY = Object.keys(ROLES) as readonly (keyof typeof WHO)[];
const OF_EACH_ROLE = EVERYBODY.filter(
  (who) => !["root", "admin by primary group", "viewer by primary group"].includes(who),
);
/** Codes of gRPC: the role does not suffice, and the connection was closed. */
const [DENIED, CLOSED] = [7, 14];

const obstacle =
  namespaceObstacle() ?? tunObstacle() ?? commandObstacle("ip", "nft", "setpriv", "curl", "python3", "strace");

describe.skipIf(obstacle !== undefined)(`who may ask${obstacle === undefined ? "" : ` (${obstacle})`}`, () => {
  const program = useBuiltProgram();
  let host: PrivateHost;
  let daemon = 0;
  let api = 0;

  const curl = (who: keyof typeof WHO, socket: string, ...words: readonly string[]) =>
    host.run(["curl", "-sS", "--max-time", "20", "--unix-socket", socket, ...words], WHO[who]);

  beforeAll(async () => {
    host = await PrivateHost.make(temporaryFolder("roles"), program());
    daemon = await host.startDaemon();
    await host.start(host.argv("api"), "answering on ");
    api = await host.start(["python3", "-c", OPEN_SOCKET, OPEN, ...host.argv("api")], "answering on ");
  }, 120_000);

  afterAll(() => host.end(), 60_000);

  test.each(sized(OF_EACH_ROLE, EVERYBODY))("law 8: %s at every method of gRPC", (who) => {
    const script = join(ROOT, "test/e2e/live/load/call-methods.script.ts");
    const { stdout, stderr } = host.run([process.execPath, script, OPEN], WHO[who]);
    expect(stderr).toBe("");
    const expected = Object.entries(AWG_PROTO.methods).map(([name, { role }]) => {
      if (ROLES[who] === "none") return [name, "closed"];
      return [name, role === "admin" && ROLES[who] !== "admin" ? "denied" : "answered"];
    });
    const found = Object.entries(JSON.parse(stdout) as Record<string, number>).map(([name, code]) => [
      name,
      code === DENIED ? "denied" : code === CLOSED ? "closed" : "answered",
    ]);
    expect(found).toEqual(expected);
  });

  test.each(EVERYBODY)("law 8: %s at every action of HTTP, and at the daemon's socket", (who) => {
    const role = ROLES[who];
    for (const [action, { role: needed }] of Object.entries(ACTIONS)) {
      // A parameter that no action has: who may ask is judged before.
      const body = JSON.stringify({ action, params: { nonsense: "1" } });
      const words = ["-H", "Content-Type: application/json", "-d", body, "http://awg/api/run"];
      const { stdout } = curl(who, OPEN, ...words);
      const code = stdout === "" ? "closed" : (JSON.parse(stdout) as { code: number }).code;
      const allowed = role === "admin" || needed === "viewer" ? 400 : 403;
      expect([action, code]).toEqual([action, role === "none" ? "closed" : allowed]);
    }
    for (const [socket, group] of Object.entries(DAEMON_SOCKETS)) {
      const { stdout } = host.run([process.execPath, "-e", CONNECT, socket], WHO[who]);
      expect([socket, stdout.trim()]).toEqual([socket, who === "root" || role === group ? "connected" : "EACCES"]);
    }
    const events = host.run(host.argv("events"), WHO[who]);
    expect([events.status, events.stdout.includes("in sync")]).toEqual(role === "none" ? [77, false] : [0, true]);
    const level = host.run(host.argv("log", "level", "debug"), WHO[who]);
    expect(level.status === 0).toBe(role === "admin");
    // The API's socket as it is installed admits admins alone.
    expect(curl(who, API, "http://awg/api/status").status === 0).toBe(role === "admin");
  });

  test("law 8: another group in place of awg, and one that does not exist", async () => {
    const [named, missing] = ["/run/named.sock", "/run/missing.sock"];
    const serve = (path: string, group: string) => [
      "python3",
      "-c",
      OPEN_SOCKET,
      path,
      ...host.argv("api", "--group", group),
    ];
    await host.start(serve(named, "ops"), "answering on ");
    const asked = ["another group", "admin by primary group", "viewer by primary group", "root"] as const;
    const roles = asked.map((who) => {
      const { stdout } = curl(who, named, "http://awg/api/status");
      return stdout === "" ? "none" : (JSON.parse(stdout) as { role: string }).role;
    });
    expect(roles).toEqual(["admin", "none", "viewer", "admin"]);
    await host.start(serve(missing, "nobodys"), "group nobodys does not exist here: root alone may use the API");
    expect(curl("another group", missing, "http://awg/api/status").stdout).toBe("");
  });

  test("law 8: of a connection that is refused no byte is read", async () => {
    const seen = await traced(api, "read,readv,recvfrom,recvmsg", "GET /by-root", () => {
      for (const who of ["stranger", "root"] as const) curl(who, OPEN, `http://awg/by-${who}`);
    });
    expect(seen).not.toContain("by-stranger");
  });

  test("law 8: the daemon accepts no connection of a user without a role", async () => {
    const seen = await traced(daemon, "accept,accept4", " = ", () => {
      for (const who of ["stranger", "another group", "viewer by primary group"] as const) {
        for (const socket of Object.keys(DAEMON_SOCKETS)) host.run([process.execPath, "-e", CONNECT, socket], WHO[who]);
      }
    });
    expect(seen.match(/accept4?\(.* = [0-9]+$/gm)).toHaveLength(1);
  });
});

/** The calls of a process while something happens, until this text is among them. */
async function traced(pid: number, calls: string, until: string, happen: () => void): Promise<string> {
  const trace = spawn("strace", ["-f", "-qq", "-s", "64", "-e", `trace=${calls}`, "-p", `${pid}`]);
  let seen = "";
  trace.stderr.setEncoding("utf8").on("data", (text: string) => {
    seen += text;
  });
  await sleep(500);
  happen();
  await expect.poll(() => seen, { timeout: 10_000 }).toContain(until);
  const ended = once(trace, "exit");
  trace.kill("SIGINT");
  await ended;
  return seen;
}

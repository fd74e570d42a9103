import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type FailedCall, GrpcClient } from "../../http/grpc/grpc-client.ts";
import { ROOT } from "../../repository/sources.ts";
import { useBuiltProgram } from "../../support/built-program.ts";
import { commandObstacle, namespaceObstacle, tunObstacle } from "../../support/netns.ts";
import { DaemonInNamespace } from "./daemon-in-namespace.ts";

/** Listens on a path as systemd does, and becomes the service with the socket as descriptor 3 (sd_listen_fds(3)). */
const PASS_SOCKET = `import os, socket, sys
s = socket.socket(socket.AF_UNIX); s.bind(sys.argv[1] + ".new"); s.listen()
os.rename(sys.argv[1] + ".new", sys.argv[1])
os.dup2(s.fileno(), 3); os.set_inheritable(3, True)
os.environ.update(LISTEN_FDS="1", LISTEN_PID=str(os.getpid()))
os.execv(sys.argv[2], sys.argv[2:])`;

const obstacle = namespaceObstacle() ?? tunObstacle() ?? commandObstacle("ip", "nft", "setpriv", "curl", "python3");

describe.skipIf(obstacle !== undefined)(`the API over HTTP${obstacle === undefined ? "" : ` (${obstacle})`}`, () => {
  const program = useBuiltProgram();
  let world: DaemonInNamespace;
  let socket = "";

  const curl = (...words: readonly string[]) =>
    world.host.run(["curl", "-sS", "--max-time", "20", "--unix-socket", socket, ...words], { mayFail: true });
  const get = (path: string): unknown => JSON.parse(curl(`http://awg${path}`).stdout);
  const run = (body: object): unknown => {
    const json = ["-H", "Content-Type: application/json", "-d", JSON.stringify(body)];
    return JSON.parse(curl(...json, "http://awg/api/run").stdout);
  };

  beforeAll(async () => {
    world = new DaemonInNamespace("api", program());
    await world.startDaemon();
    const { said } = await world.start(world.argv("api"), "answering on ");
    socket = /answering on (\S+)/.exec(said)?.[1] ?? "";
  }, 120_000);

  afterAll(() => world.end(), 60_000);

  test("root reads the status, the metrics and the health", () => {
    expect(get("/api/status")).toMatchObject({ role: "admin", available: true, status: { generation: 1 } });
    expect(curl("http://awg/metrics").stdout).toMatch(/^awg_condition\{condition="Protected"\} 1$/m);
    expect(curl("http://awg/healthz").stdout).toBe("ok\n");
  });

  test("an action runs the verb: its code, its document, its error", () => {
    expect(run({ action: "drift" })).toMatchObject({ code: 0, data: { drifted: false } });
    expect(run({ action: "plan", params: { config: world.config } })).toMatchObject({ code: 0 });
    expect(get("/api/status")).toMatchObject({ status: { daemon: { files: [world.config] } } });
    expect(run({ action: "diff" })).toMatchObject({ code: 0 });
    expect(run({ action: "plan", params: { config: "/nowhere.yaml" } })).toMatchObject({
      code: 3,
      message: expect.stringContaining("/nowhere.yaml"),
    });
    expect(run({ action: "destroy" })).toMatchObject({ code: 400, message: expect.stringContaining("no such action") });
  });

  test("the stream begins with a snapshot", () => {
    const text = curl("-N", "--max-time", "3", "http://awg/api/events").stdout;
    expect(text).toMatch(/event: snapshot\ndata: \{"role":"admin"/);
    expect(text).toMatch(/event: vpn-status-changed\ndata: \{"formatVersion"/);
  });

  test("the program of the client library's page prints what the page shows", () => {
    const page = readFileSync(join(ROOT, "docs/reference/client.md"), "utf8");
    const [, example = ""] = /```js\n([\s\S]*?)```/.exec(page) ?? [];
    const [, shown] = /```text\n([\s\S]*?)```/.exec(page) ?? [];
    const file = join(world.folder, "example.mjs");
    const client = pathToFileURL(join(dirname(program()), "client.js")).href;
    writeFileSync(file, example.replace("/run/awg/awg.sock", socket).replace('"awg/client"', `"${client}"`));
    expect(world.host.run([process.execPath, file], { mayFail: true })).toMatchObject({ stdout: shown, stderr: "" });
  });

  test("gRPC by the same socket: the host, the log, and an apply that its client cancels", async () => {
    using client = new GrpcClient(socket);
    const [status, { tunnels }, log] = await Promise.all([
      client.call("Status"),
      client.call("ListTunnels"),
      client.read("StreamLogs", {}),
    ]);
    expect(status).toMatchObject({ generation: 1 });
    expect(tunnels).toEqual([expect.objectContaining({ name: world.tunnel, wire: "wireguard" })]);
    expect(log.map(({ text }) => text)).toContain("in sync");
    const [first] = await client.read("Watch", {}, ({ name }) => name === "snapshot");
    expect(first).toMatchObject({ sequence: expect.any(Number) });
    expect(await client.health()).toEqual({ status: 1 });
    const other = join(world.folder, "other.yaml");
    writeFileSync(other, readFileSync(world.config, "utf8").replace("10.8.0.2/32", "10.8.0.9/32"));
    const asked = { config: other, confirm_within: "60s" };
    const events = await client.read("Apply", asked, ({ type }) => type === "unconfirmed");
    expect(events.at(-1)).toMatchObject({ type: "unconfirmed" });
    await expect.poll(() => client.call("Drift").then(({ drifted }) => drifted), { timeout: 30_000 }).toBe(false);
    const refused = client.call("GetAutostart").catch((error: FailedCall) => error);
    expect(await refused).toMatchObject({ code: 12, detail: { exit_code: 12 } });
  });

  test("on a socket that a service manager opened it answers, and ends when it is idle; a second one is refused", async () => {
    expect(world.awg("api")).toMatchObject({ status: 8, stderr: expect.stringContaining("another process answers") });
    const path = join(world.folder, "passed.sock");
    const words = ["netns", "exec", world.host.name, "python3", "-c", PASS_SOCKET, path, ...world.argv("api")];
    const child = spawn("ip", [...words, "--idle", "1s"], { stdio: "ignore" });
    await expect.poll(() => existsSync(path), { timeout: 30_000 }).toBe(true);
    const ended = once(child, "exit");
    using client = new GrpcClient(path);
    expect(await client.call("Version")).toMatchObject({ role: "admin" });
    client[Symbol.dispose]();
    expect(await ended).toEqual([0, null]);
  });

  test("law 8: who has no role is closed before a byte is read", () => {
    const nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    const words = ["curl", "-sS", "--unix-socket", socket, "http://awg/api/status"];
    const refused = world.host.run([...nobody, ...words], { mayFail: true });
    expect(refused.status).not.toBe(0);
    expect(refused.stdout).toBe("");
  });

  test("the dashboard's door: page, code for a token, token for the API, and refusals", async () => {
    const { said } = await world.start(world.argv("ui"), "#");
    const [, port = "", code = ""] = /127\.0\.0\.1:([0-9]+)\/#(\S+)/.exec(said) ?? [];
    const ask = (words: readonly string[], path: string): string =>
      world.host.run(["curl", "-sS", ...words, `http://127.0.0.1:${port}${path}`], { mayFail: true }).stdout;
    const post = (value: string): string =>
      ask(["-H", "Content-Type: application/json", "-d", JSON.stringify({ code: value })], "/api/session");
    expect(JSON.parse(ask([], "/api/status"))).toMatchObject({ code: 401 });
    expect(JSON.parse(post("wrong"))).toMatchObject({ code: 401 });
    const { token } = JSON.parse(post(code)) as { token: string };
    expect(JSON.parse(post(code))).toMatchObject({ code: 401 });
    const bearer = ["-H", `Authorization: Bearer ${token}`];
    expect(JSON.parse(ask(bearer, "/api/status"))).toMatchObject({ role: "admin", available: true });
    expect(JSON.parse(ask([...bearer, "-H", "Host: evil.example"], "/api/status"))).toMatchObject({ code: 421 });
    expect(JSON.parse(ask([...bearer, "-H", "Origin: http://evil.example"], "/"))).toMatchObject({ code: 403 });
    const nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"];
    const other = world.host.run([...nobody, "curl", "-sS", ...bearer, `http://127.0.0.1:${port}/api/status`], {
      mayFail: true,
    });
    expect(other.stdout).toBe("");
  });
});

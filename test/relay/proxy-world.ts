import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { makeNamespace, type TestNamespace } from "../support/netns.ts";

export const PROXY = { 4: "10.1.0.1", 6: "fd01::1" } as const;
export const CLIENT = { 4: "10.1.0.2", 6: "fd01::2" } as const;
/** A host that only the proxies' namespace has. */
export const TARGET = { 4: "10.99.0.9", 6: "fd99::9" } as const;
export const LOGIN = { username: "me", password: "secret-of-the-proxy" } as const;
/** Ports of the proxies. */
export const PORTS = { microsocks: 1080, dante: 1081, tinyproxy: 1082, tls: 1083 } as const;
const WAIT_MS = 20_000;
const servers = join(import.meta.dirname, "target.py");

/** A client, and a host with proxies and a target behind it, in network namespaces. */
export interface ProxyWorld extends AsyncDisposable {
  readonly client: TestNamespace;
  readonly proxies: TestNamespace;
  readonly folder: string;
  /** Starts a program and ends it with the world. */
  start(where: TestNamespace, argv: readonly string[], settings?: string): ChildProcess;
  /** Starts one of the proxies, and waits until it listens. */
  startProxy(which: keyof typeof PORTS): Promise<void>;
  /** Ends it with what it forked. */
  endProxy(which: keyof typeof PORTS): Promise<void>;
}

/**
 * Makes it with the target's servers: TCP ports 7001 (hash), 7002 (endless), 7003 (echo), 7004 and 7005 (a page), UDP 53
 * (echo).
 */
export async function makeProxyWorld(label: string): Promise<ProxyWorld> {
  const client = makeNamespace(`${label}c`);
  const proxies = makeNamespace(`${label}p`);
  const folder = mkdtempSync(join(tmpdir(), "awg-relay-"));
  const children: ChildProcess[] = [];
  const start = (where: TestNamespace, argv: readonly string[], settings?: string): ChildProcess => {
    const child = spawn("ip", ["netns", "exec", where.name, ...argv], {
      stdio: ["ignore", "ignore", settings === undefined ? "ignore" : "pipe", "pipe"],
    });
    child.stderr?.on("data", () => {});
    const pipe = child.stdio[3] as NodeJS.WritableStream | null;
    pipe?.on("error", () => {}).end(settings ?? "");
    children.push(child);
    return child;
  };
  for (const [mine, theirs] of [
    [client, proxies],
    [proxies, client],
  ] as const) {
    if (mine === client)
      client.run(["ip", "link", "add", "up0", "type", "veth", "peer", "name", "up0", "netns", theirs.name]);
    const at = mine === client ? CLIENT : PROXY;
    mine.run(["ip", "addr", "add", `${at[4]}/24`, "dev", "up0"]);
    mine.run(["ip", "addr", "add", `${at[6]}/64`, "dev", "up0", "nodad"]);
    // dante cannot bind a link-local address that is still tentative.
    mine.run(["ip", "link", "set", "up0", "addrgenmode", "none", "up"]);
  }
  proxies.run(["ip", "addr", "add", `${TARGET[4]}/32`, "dev", "lo"]);
  proxies.run(["ip", "addr", "add", `${TARGET[6]}/128`, "dev", "lo", "nodad"]);
  client.run(["ip", "route", "add", "default", "via", PROXY[4]]);
  client.run(["ip", "-6", "route", "add", "default", "via", PROXY[6]]);
  start(proxies, ["python3", servers]);
  await untilListening(proxies, 7003);
  return {
    client,
    proxies,
    folder,
    start,
    async startProxy(which) {
      start(proxies, proxyCommand(which, folder));
      await untilListening(proxies, PORTS[which]);
    },
    async endProxy(which) {
      for (const line of proxies.run(["ss", "-lntpH"]).stdout.split("\n"))
        if (line.includes(`:${PORTS[which]} `))
          for (const [, pid] of line.matchAll(/pid=([0-9]+)/g)) process.kill(Number(pid), "SIGKILL");
      await untilTrue(`no ${which}`, () => !proxies.run(["ss", "-lnt"]).stdout.includes(`:${PORTS[which]} `));
    },
    async [Symbol.asyncDispose]() {
      for (const child of children) child.kill("SIGKILL");
      await sleep(100);
      for (const { run } of [client, proxies]) {
        // Proxies fork.
        for (const pid of run(["ip", "netns", "pids", proxies.name], { mayFail: true }).stdout.split("\n")) {
          if (pid !== "") run(["kill", "-KILL", pid], { mayFail: true });
        }
      }
      client[Symbol.dispose]();
      proxies[Symbol.dispose]();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** Waits until something listens on this TCP port in the namespace. */
export async function untilListening(where: TestNamespace, port: number): Promise<void> {
  await untilTrue(`a listener on port ${port}`, () => where.run(["ss", "-lnt"]).stdout.includes(`:${port} `));
}

/** Waits for a condition. */
export async function untilTrue(
  what: string,
  holds: () => boolean | Promise<boolean>,
  mostMs = WAIT_MS,
): Promise<void> {
  for (const endMs = performance.now() + mostMs; !(await holds()); await sleep(50)) {
    if (performance.now() > endMs) throw new Error(`waited ${mostMs} ms for ${what}`);
  }
}

function proxyCommand(which: keyof typeof PORTS, folder: string): string[] {
  const { username, password } = LOGIN;
  if (which === "microsocks") {
    return ["microsocks", "-i", PROXY[4], "-p", `${PORTS.microsocks}`, "-u", username, "-P", password];
  }
  const config = join(folder, `${which}.conf`);
  if (which === "dante") {
    writeFileSync(config, DANTE);
    return ["danted", "-f", config, "-p", join(folder, "dante.pid")];
  }
  if (which === "tinyproxy") {
    writeFileSync(config, TINYPROXY);
    return ["tinyproxy", "-d", "-c", config];
  }
  const listen = `OPENSSL-LISTEN:${PORTS.tls},fork,reuseaddr,verify=0,cert=${folder}/cert.pem,key=${folder}/key.pem`;
  return ["socat", listen, `TCP:${PROXY[4]}:${PORTS.tinyproxy}`];
}

const DANTE = `logoutput: /dev/null
internal: up0 port = ${PORTS.dante}
external: up0
external: lo
clientmethod: none
socksmethod: none
user.privileged: root
user.unprivileged: nobody
client pass { from: 0/0 to: 0/0 }
client pass { from: ::/0 to: ::/0 }
socks pass { from: 0/0 to: 0/0 }
socks pass { from: ::/0 to: ::/0 }
`;

const TINYPROXY = `Port ${PORTS.tinyproxy}
Listen ${PROXY[4]}
Timeout 600
LogLevel Error
MaxClients 200
BasicAuth ${LOGIN.username} ${LOGIN.password}
`;

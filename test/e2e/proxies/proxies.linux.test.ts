import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { chmodSync, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Finished, tryRun } from "../../lab/world/command.ts";
import {
  CLIENT,
  LOGIN,
  makeProxyWorld,
  PORTS,
  PROXY,
  type ProxyWorld,
  TARGET,
  untilTrue,
} from "../../relay/proxy-world.ts";
import { SECOND_PEER_KEY, sampleConfig } from "../../support/config.ts";
import { commandObstacle, namespaceObstacle } from "../../support/netns.ts";

const obstacle =
  namespaceObstacle() ??
  commandObstacle("python3", "nft", "microsocks", "danted", "tinyproxy", "curl", "tcpdump", "ss");
const awg = join(import.meta.dirname, "..", "..", "..", "src", "cli", "awg.ts");
const LIMIT_MS = 60_000;

describe.skipIf(obstacle !== undefined)(`proxies as tunnels${obstacle === undefined ? "" : `: ${obstacle}`}`, () => {
  let world: ProxyWorld;
  let config: string;

  beforeAll(async () => {
    world = await makeProxyWorld("px");
    await world.startProxy("dante");
    await world.startProxy("tinyproxy");
    // Mounted over the host's file, which stays as it is.
    mkdirSync(join("/etc/netns", world.client.name), { recursive: true });
    writeFileSync(join("/etc/netns", world.client.name, "resolv.conf"), "nameserver 192.0.2.1\n");
    const password = join(world.folder, "password");
    writeFileSync(password, LOGIN.password);
    chmodSync(password, 0o600);
    config = join(world.folder, "config.yaml");
    writeFileSync(
      config,
      sampleConfig(`name: lab
tunnels:
  socks: { protocol: socks5, server: "${PROXY[4]}:${PORTS.dante}" }
  web:
    protocol: http
    server: ${PROXY[4]}:${PORTS.tinyproxy}
    auth: { username: ${LOGIN.username}, password: { file: ${password} } }
rules:
  - { name: slow, destinations: [${TARGET[4]}], ports: [7002], via: socks, limit: { download: 8mbit, upload: 8mbit } }
  - { name: page, destinations: [${TARGET[4]}, "${TARGET[6]}"], ports: [7005], protocol: tcp, via: web }
  - { name: nowhere, destinations: [${TARGET[4]}], ports: [7001], via: block }
default: { via: socks }
killSwitch: { enabled: true, allowLan: false }
`),
    );
  });

  afterAll(async () => {
    if (world === undefined) return;
    await run("destroy", "--auto-approve");
    rmSync(join("/etc/netns", world.client.name), { recursive: true, force: true });
    await world[Symbol.asyncDispose]();
  });

  /** Started in an empty namespace, so that a broken --netns could not reach this machine's network. */
  function run(...verb: string[]): Promise<Finished> {
    const where = ["--netns", world.client.name, "--state-dir", join(world.folder, "state")];
    return tryRun(["unshare", "--net", process.execPath, awg, ...verb, ...where], "", LIMIT_MS);
  }

  async function must(...verb: string[]): Promise<string> {
    const { status, stdout, stderr } = await run(...verb);
    if (status !== 0) throw new Error(`awg ${verb.join(" ")} exited ${status}: ${stderr}${stdout}`);
    return stdout;
  }

  const curl = (address: string, port: number): Finished => {
    const host = address.includes(":") ? `[${address}]` : address;
    const argv = ["curl", "-sS", "--max-time", "5", `http://${host}:${port}/`];
    return world.client.run(argv, { mayFail: true, timeoutMs: 20_000 }) as Finished;
  };

  const askUdp = (family: 4 | 6): string => {
    const code = `
import socket
s = socket.socket(socket.AF_INET${family === 4 ? "" : "6"}, socket.SOCK_DGRAM); s.settimeout(10)
s.connect(("${TARGET[family]}", 53)); s.send(b"hi"); print(s.recv(100).decode(), end="")`;
    return world.client.run(["python3", "-c", code], { timeoutMs: 30_000 }).stdout;
  };

  async function connectionsOf(proxy: string): Promise<number> {
    const { resources } = JSON.parse(await must("status", "--json"));
    return resources.find(({ key }: { key: string }) => key === `proxy/${proxy}`).proxy.connections;
  }

  test("plan, apply, traffic of both families by rule and default, verify, explain", async () => {
    world.start(world.client, ["tcpdump", "-i", "up0", "-n", "-U", "-w", join(world.folder, "up0.pcap")]);
    await untilTrue("a capture", () => existsSync(join(world.folder, "up0.pcap")));
    const plan = await must("plan", "-f", config);
    expect(plan).toContain(`proxy: socks5 ${PROXY[4]}:${PORTS.dante}`);
    expect(plan).not.toContain(LOGIN.password);
    await must("apply", "--auto-approve", "-f", config);
    for (const family of [4, 6] as const) {
      expect(curl(TARGET[family], 7004)).toMatchObject({ status: 0, stdout: "hello" });
      expect(curl(TARGET[family], 7005)).toMatchObject({ status: 0, stdout: "hello" });
      expect(askUdp(family)).toBe("echo hi");
    }
    expect(await connectionsOf("socks")).toBe(2);
    expect(await connectionsOf("web")).toBe(2);
    expect(curl(TARGET[4], 7001).status).not.toBe(0);
    expect(await must("verify")).toBe("Verified: the loaded rules enforce the policy for every packet.\n");
    expect(await must("explain", `${TARGET[4]}:7005`)).toContain("leaves through proxy web (connected)");
    expect(await must("explain", `[${TARGET[6]}]:7004`)).toContain("leaves through proxy socks (connected)");
    expect(await must("explain", `${TARGET[4]}:7001`)).toContain("blocked by rules.2 (nowhere)");
    expect(await must("drift")).toContain("No drift");
  }, 300_000);

  test("status shows health, latency and traffic of each proxy", async () => {
    const text = await must("status");
    expect(text).toMatch(/✓ proxy\/socks +enforced +connected, [0-9.]+ ms, 0 connections, [0-9]+ UDP\s+sessions?, /);
    expect(text).toMatch(/✓ proxy\/web +enforced +connected, [0-9.]+ ms, 0 connections, /);
    expect(text).not.toContain(LOGIN.password);
    const { tunnels } = JSON.parse(await must("top", "--once", "--json"));
    for (const name of ["socks", "web"])
      expect(tunnels).toContainEqual(expect.objectContaining({ name, receivedBytes: expect.any(Number) }));
  });

  test("S4.16: a rule's rate holds for flows through a proxy", () => {
    const code = `
import socket, time
s = socket.create_connection(("${TARGET[4]}", 7002), 10)
moved, begun = 0, time.monotonic()
while (now := time.monotonic() - begun) < 4.5:
    count = len(s.recv(65536))
    if now > 1.5: moved += count
print(moved * 8 / 3)`;
    const rate = Number(world.client.run(["python3", "-c", code], { timeoutMs: 30_000 }).stdout);
    expect(rate).toBeGreaterThan(0.6 * 8e6);
    expect(rate).toBeLessThan(1.25 * 8e6);
  });

  test("names are asked over TCP through a proxy that carries no UDP", async () => {
    const dns = `dns: { servers: [{ address: ${TARGET[4]}, protocol: tcp }], via: web }\n`;
    const path = join(world.folder, "names.yaml");
    writeFileSync(path, readFileSync(config, "utf8") + dns);
    const { stderr } = await run("plan", "-f", path);
    expect(stderr).not.toContain("carries no UDP: DNS");
    await must("apply", "--auto-approve", "-f", path);
    const before = await connectionsOf("web");
    expect(world.client.run(["getent", "ahostsv4", "www.example"]).stdout).toContain(TARGET[4]);
    expect(await connectionsOf("web")).toBe(before + 1);
    expect(await must("verify")).toContain("Verified");
    await must("apply", "--auto-approve", "-f", config);
  }, 120_000);

  test("a killed relay drops its traffic and is started again", async () => {
    const pid = Number(world.client.run(["ss", "-lntpH"]).stdout.match(/127\.97\.119\.103:701 .*pid=([0-9]+)/)?.[1]);
    expect(pid).toBeGreaterThan(1);
    process.kill(pid, "SIGSTOP");
    expect(curl(TARGET[4], 7004).status).not.toBe(0);
    process.kill(pid, "SIGKILL");
    await untilTrue("the next relay", () => curl(TARGET[4], 7004).stdout === "hello");
    expect(await must("verify")).toContain("Verified");
  });

  test("the keeper's death leaves relays running, and the next one looks after them", async () => {
    process.kill(keeperPid(), "SIGKILL");
    expect(curl(TARGET[4], 7004).stdout).toBe("hello");
    await must("apply", "--auto-approve", "-f", config);
    expect(curl(TARGET[4], 7005).stdout).toBe("hello");
    expect((await must("status")).match(/✓ proxy\//g)).toHaveLength(2);
  });

  test("a proxy carries the traffic of a tunnel that is down, and another proxy that of the first", async () => {
    const key = join(world.folder, "key");
    writeFileSync(key, randomBytes(32).toString("base64"), { mode: 0o600 });
    const more = `  gone:
    protocol: wireguard
    engine: embedded
    privateKey: { file: ${key} }
    addresses: [10.8.0.2/32]
    failover: { tunnels: [socks, web] }
    peers: [{ publicKey: ${SECOND_PEER_KEY}, endpoint: "${PROXY[4]}:9", allowedIPs: [0.0.0.0/0] }]
rules:
  - { name: stands-in, destinations: [${TARGET[4]}], ports: [7004], via: gone }`;
    writeFileSync(config, readFileSync(config, "utf8").replace("rules:", more).replace("via: web", "via: socks"));
    expect((await run("plan", "-f", config)).stderr).toContain("while web replaces it, UDP is dropped");
    await must("apply", "--auto-approve", "-f", config);
    const where = ["--netns", world.client.name, "--state-dir", join(world.folder, "state")];
    const words = ["--net", process.execPath, awg, "daemon", "--foreground", "-f", config, ...where];
    const daemon = spawn("unshare", words, { stdio: "ignore" });
    const isOver = once(daemon, "exit");
    try {
      const carriers = async () => JSON.parse(await must("status", "--json")).fallback;
      await untilTrue("the first proxy", () => curl(TARGET[4], 7004).stdout === "hello", LIMIT_MS);
      const from = { device: "awg-gone", tunnel: "gone", rules: ["rules/0 (stands-in)"] };
      expect(await carriers()).toContainEqual({ ...from, by: "awg-socks", to: "socks" });
      expect(await must("explain", `${TARGET[4]}:7004`)).toContain("leaves through proxy socks (connected)");
      await world.endProxy("dante");
      await untilTrue("the second proxy", () => curl(TARGET[4], 7004).stdout === "hello", LIMIT_MS);
      expect(await carriers()).toContainEqual({ ...from, by: "awg-web", to: "web" });
      expect(await must("verify")).toContain("Verified");
    } finally {
      daemon.kill("SIGTERM");
      await isOver;
    }
  }, 300_000);

  test("all that left by the uplink was for the proxies", () => {
    const filter = `ip and src ${CLIENT[4]} and not (dst ${PROXY[4]} and (tcp port ${PORTS.dante} or tcp port ${PORTS.tinyproxy} or udp))`;
    const read = ["tcpdump", "-n", "-r", join(world.folder, "up0.pcap")];
    const all = world.client.run([...read, `ip dst ${PROXY[4]}`]).stdout.split("\n").length;
    expect(all).toBeGreaterThan(20);
    expect(world.client.run([...read, filter]).stdout).toBe("");
    expect(world.client.run([...read, "ip6 and (tcp or udp)"]).stdout).toBe("");
  });

  test("destroy ends the relays and restores the host", async () => {
    await must("destroy", "--auto-approve");
    expect(world.client.run(["ss", "-lntH"]).stdout).toBe("");
    expect(world.client.run(["nft", "list", "ruleset"]).stdout).toBe("");
    expect(world.client.run(["ip", "rule"]).stdout.split("\n")).toHaveLength(4);
  });

  function keeperPid(): number {
    const inside = world.client.run(["ip", "netns", "pids", world.client.name]).stdout.trim().split("\n");
    const lines = world.client.run(["ps", "-o", "pid=,args=", "-p", inside.join(",")]).stdout.split("\n");
    return Number(
      lines
        .find((line) => line.includes(" keeper "))
        ?.trim()
        .split(" ")[0],
    );
  }
});

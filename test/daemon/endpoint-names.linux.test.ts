import { type ChildProcess, spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { publicKeyOf } from "../../src/app/wg-tool/public-key.ts";
import { useBuiltProgram } from "../support/built-program.ts";
import { sampleConfig } from "../support/config.ts";
import { temporaryFolder } from "../support/folder.ts";
import {
  commandObstacle,
  makeNamespace,
  namespaceObstacle,
  type TestNamespace,
  tunObstacle,
} from "../support/netns.ts";

const obstacle =
  namespaceObstacle() ??
  tunObstacle() ??
  commandObstacle("ip", "nft", "ping", "dnsmasq", "tcpdump", "wg", "wireguard-go");
const built = useBuiltProgram();
const program = () => [process.execPath, "--disable-warning=ExperimentalWarning", built()];
const LONGEST_MS = 60_000;
const NAME = "vpn.example";
/** Nobody has the first; the server has the others, one after the other. */
const [DEAD, FIRST, SECOND, DNS] = ["192.0.2.66", "192.0.2.10", "192.0.2.20", "192.0.2.53"] as const;

/** A client that knows its server by name alone, and a namespace that is server, name server and the rest of the world. */
describe.skipIf(obstacle !== undefined)(`endpoints by name (${obstacle ?? "a bootstrap server"})`, () => {
  const folder = temporaryFolder("names");
  const keys = { client: randomBytes(32), server: randomBytes(32) };
  const base = `n${process.pid.toString(36)}`.slice(0, 9);
  const hosts = join(folder, "hosts");
  const started: ChildProcess[] = [];
  let client: TestNamespace;
  let world: TestNamespace;
  let reported = "";
  let seen = "";

  const machineOf = (which: "client" | "server") => (which === "client" ? client : world);
  const tunnelOf = (which: "client" | "server") => `${base}${which === "client" ? "c" : "s"}`;
  const stateOf = (which: "client" | "server") => ["--state-dir", join(folder, which)];
  const awg = (which: "client" | "server", ...args: readonly string[]) =>
    machineOf(which).run([...program(), ...args, ...stateOf(which)], { mayFail: true });
  const endpoint = () =>
    client
      .run(["wg", "show", `awg-${tunnelOf("client")}`, "endpoints"], { mayFail: true })
      .stdout.split("\t")[1]
      ?.trim();
  const reaches = () => client.run(["ping", "-c", "1", "-W", "1", "10.8.0.1"], { mayFail: true }).status === 0;

  async function until(what: string, holds: () => boolean): Promise<void> {
    const endMs = Date.now() + LONGEST_MS;
    while (!holds()) {
      if (Date.now() > endMs)
        throw new Error(`${what} did not come about; the daemon reported:\n${reported}\nseen:\n${seen}`);
      await sleep(200);
    }
  }

  function start(namespace: TestNamespace, argv: readonly string[], onText: (text: string) => void): ChildProcess {
    const child = spawn("ip", ["netns", "exec", namespace.name, ...argv], { stdio: ["ignore", "pipe", "pipe"] });
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", onText);
    started.push(child);
    return child;
  }

  function config(which: "client" | "server", peer: string, rest: string, engine = "embedded"): string {
    const path = join(folder, `${which}.yaml`);
    const text = sampleConfig(`tunnels:
  ${tunnelOf(which)}:
    protocol: wireguard
    engine: ${engine}
    listenPort: ${which === "client" ? 0 : 51_820}
    privateKey: { file: ${join(folder, `${which}.key`)} }
    addresses: [10.8.0.${which === "client" ? 2 : 1}/24]
    peers: [${peer}]
${rest}`);
    writeFileSync(path, text, { mode: 0o600 });
    return path;
  }

  const publicKey = (which: "client" | "server") => Buffer.from(publicKeyOf(keys[which])).toString("base64");

  function clientConfig(engine: "embedded" | "userspace"): string {
    const peer = `{ publicKey: "${publicKey("server")}", endpoint: "${NAME}:51820", allowedIPs: [0.0.0.0/0], persistentKeepalive: 1 }`;
    const rest = `default: { via: ${tunnelOf("client")} }
killSwitch: { enabled: true }
dns: { bootstrap: [${DNS}], leakProtection: false }
reconcile: { driftEvery: 2s }
`;
    return config("client", peer, rest, engine);
  }

  /** The name's addresses from now on; dnsmasq reads the file anew at SIGHUP. */
  function name(...addresses: readonly string[]): void {
    writeFileSync(hosts, addresses.map((address) => `${address} ${NAME}\n`).join(""));
    const pid = readFileSync(join(folder, "dnsmasq.pid"), "utf8").trim();
    process.kill(Number(pid), "SIGHUP");
  }

  beforeAll(async () => {
    [client, world] = [makeNamespace("names-c"), makeNamespace("names-w")];
    client.run(["ip", "link", "add", "up0", "type", "veth", "peer", "name", "up1", "netns", world.name]);
    client.run(["ip", "address", "add", "192.0.2.2/24", "dev", "up0"]);
    for (const address of ["192.0.2.1", FIRST, DNS]) world.run(["ip", "address", "add", `${address}/24`, "dev", "up1"]);
    for (const [machine, device] of [
      [client, "up0"],
      [world, "up1"],
    ] as const)
      machine.run(["ip", "link", "set", device, "up"]);
    client.run(["ip", "route", "add", "default", "via", "192.0.2.1"]);
    for (const which of ["client", "server"] as const) {
      mkdirSync(join(folder, which), { mode: 0o700 });
      writeFileSync(join(folder, `${which}.key`), `${keys[which].toString("base64")}\n`, { mode: 0o600 });
    }
    writeFileSync(hosts, `${DEAD} ${NAME}\n${FIRST} ${NAME}\n`);
    const pidFile = `--pid-file=${join(folder, "dnsmasq.pid")}`;
    const listens = [`--listen-address=${DNS}`, "--bind-interfaces", "--port=53"];
    world.run([
      "dnsmasq",
      "--no-resolv",
      "--no-hosts",
      "--local=/example/",
      `--addn-hosts=${hosts}`,
      "--user=root",
      pidFile,
      ...listens,
    ]);
    start(world, ["tcpdump", "-nn", "-l", "--immediate-mode", "-i", "up1", "-Q", "in", "ip"], (text) => {
      seen += text;
    });
    await until("the capture", () => seen.includes("listening on"));
    const guest = `{ publicKey: "${publicKey("client")}", allowedIPs: [10.8.0.2/32] }`;
    const server = config("server", guest, "default: { via: direct }\n");
    const made = awg("server", "apply", "-f", server, "--auto-approve", "--confirm-within", "0");
    expect(made.status, made.stderr).toBe(0);
    const daemon = ["daemon", "--foreground", "-f", clientConfig("embedded"), ...stateOf("client")];
    start(client, [...program(), ...daemon], (text) => {
      reported += text;
    });
    await until("the first apply", () => reported.includes("in sync"));
  }, 200_000);

  afterAll(() => {
    for (const child of started) child.kill("SIGKILL");
    for (const which of ["client", "server"] as const) {
      if (machineOf(which) !== undefined) awg(which, "destroy", "--auto-approve");
      rmSync(`/var/run/wireguard/awg-${tunnelOf(which)}.sock`, { force: true });
    }
    try {
      process.kill(Number(readFileSync(join(folder, "dnsmasq.pid"), "utf8").trim()), "SIGKILL");
    } catch {
      // It never started.
    }
    client?.[Symbol.dispose]();
    world?.[Symbol.dispose]();
  });

  test("of a name with two addresses, one of them dead, the tunnel comes up by the other", async () => {
    await until("the tunnel", () => endpoint() === `${FIRST}:51820` && reaches());
    // The engine asked both by itself; where the peer is then is as the config says, so nothing was planned anew.
    expect(reported).not.toContain("gets no answer");
    expect(awg("client", "diff", "-f", join(folder, "client.yaml")).status).toBe(0);
    const { conditions, resources } = JSON.parse(awg("client", "status", "--json").stdout);
    expect(conditions[0]).toMatchObject({ type: "Ready", status: true });
    const { tunnel } = resources.find(({ key }: { key: string }) => key.startsWith("tunnel/"));
    expect(tunnel.wire).toBe("wireguard");
    expect(tunnel.peers[0]).toMatchObject({ endpoint: `${FIRST}:51820`, messagesLost: expect.any(Number) });
    expect(tunnel.peers[0].roundTripMs).toBeGreaterThanOrEqual(0);
    expect(tunnel.peers[0].handshakeAgeSeconds).toBeLessThan(120);
  });

  test("a server that moves to another address is followed, by the name alone", async () => {
    world.run(["ip", "address", "add", `${SECOND}/24`, "dev", "up1"]);
    name(SECOND);
    await until("the new address", () => endpoint() === `${SECOND}:51820`);
    world.run(["ip", "address", "del", `${FIRST}/24`, "dev", "up1"]);
    await until("the tunnel", reaches);
  });

  test("law 1: no name is asked for but by the bootstrap server, and nothing leaves in the clear", async () => {
    const destinations = () =>
      seen.split("\n").flatMap((line) => (line.includes(" IP ") ? [/ > ([0-9.]+): /.exec(line)?.[1] ?? line] : []));
    await until("the last packet in the capture", () => destinations().includes(`${SECOND}.51820`));
    const ways = [DEAD, FIRST, SECOND].map((address) => `${address}.51820`);
    expect(new Set(destinations().filter((one) => one !== `${DNS}.53` && !ways.includes(one)))).toEqual(new Set());
    expect(destinations()).toContain(`${DNS}.53`);
  });

  test("A23: under the kill switch too, what does not fit a path with a smaller MTU is reported to its sender", async () => {
    client.run(["ip", "link", "set", "up0", "mtu", "1300"]);
    world.run(["ip", "link", "set", "up1", "mtu", "1300"]);
    const ping = (bytes: number) => {
      const argv = ["ping", "-M", "do", "-c", "1", "-W", "2", "-s", String(bytes - 28), "10.8.0.1"];
      const { status, stdout, stderr } = client.run(argv, { mayFail: true });
      return { status, text: `${stdout}${stderr}` };
    };
    // The device follows to the least that IPv6 allows, 1,280 bytes; 1,300 less 60 is what fits.
    await until("the answer", () => ping(1260).text.includes("mtu=1240") || ping(1260).text.includes("mtu = 1240"));
    expect(ping(1240).status).toBe(0);
  });

  test("an engine that takes one address at a time gets the next when none answers", async () => {
    name(DEAD);
    clientConfig("userspace");
    await until("wireguard-go at the dead address", () => endpoint() === `${DEAD}:51820`);
    name(DEAD, SECOND);
    await until("the other address", () => endpoint() === `${SECOND}:51820` && reaches());
    expect(reported).toContain(`gets no answer from ${DEAD}:51820`);
  });
});

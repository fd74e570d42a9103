import { type ChildProcess, spawn } from "node:child_process";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { quietly } from "./narrator.ts";

/** Addresses of the stage, from the documentation ranges of RFC 5737 and RFC 3849. */
export const stage = {
  uplink: "uplink",
  laptop4: "192.168.7.2",
  router4: "192.168.7.1",
  web4: "198.51.100.10",
  web6: "2001:db8:100::10",
  server4: "203.0.113.9",
  serverPort: 51820,
  inside4: "10.8.0.2",
  inside6: "fd08::2",
  nameServer: "10.8.0.1",
  intranet: "10.8.0.80",
} as const;

/** Runs a command that must succeed. */
export function must(argv: readonly string[], input = ""): string {
  const done = quietly(argv, input);
  if (done.status !== 0) throw new Error(`${argv.join(" ")} exited ${done.status}: ${done.stderr || done.stdout}`);
  return done.stdout;
}

/** A command line that runs inside a namespace, with the /etc of that namespace. */
export function inside(namespace: string, ...argv: string[]): string[] {
  return ["ip", "netns", "exec", namespace, ...argv];
}

/**
 * Builds the laptop, the router with the internet behind it, and the VPN server (wireguard-go, NAT, a name server).
 * The router counts packets that reach the laptop's web site in clear. Everything ends with the demo's namespaces; the
 * processes given back must be killed.
 */
export async function buildStage(
  folder: string,
): Promise<{ clientKey: string; serverKey: string; processes: ChildProcess[] }> {
  for (const name of ["laptop", "router", "server"]) must(["ip", "netns", "add", name]);
  const noDuplicateDetection = ["net.ipv6.conf.all.accept_dad=0", "net.ipv6.conf.default.accept_dad=0"];
  for (const name of ["laptop", "router", "server"]) must(inside(name, "sysctl", "-q", "-w", ...noDuplicateDetection));
  must(["ip", "-batch", "-"], wires);
  for (const [name, lines] of Object.entries(addressing)) must(["ip", "-n", name, "-batch", "-"], lines.join("\n"));
  for (const name of ["router", "server"]) {
    must(inside(name, "sysctl", "-q", "-w", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1"));
  }
  must(inside("router", "nft", "-f", "-"), routerCounters);
  must(inside("server", "nft", "-f", "-"), serverNat);
  mkdirSync("/etc/netns/laptop", { recursive: true });
  writeFileSync("/etc/netns/laptop/resolv.conf", `nameserver ${stage.router4}\n`);
  const clientKey = must(["wg", "genkey"]).trim();
  const serverKey = must(["wg", "genkey"]).trim();
  const processes = [await startServer(folder, serverKey, publicKeyOf(clientKey))];
  const nameServer = join(import.meta.dirname, "name-server.ts");
  const answers = inside("server", process.execPath, nameServer, stage.nameServer, stage.intranet);
  processes.push(background(answers));
  return { clientKey, serverKey: publicKeyOf(serverKey), processes };
}

/** How many packets the router saw go to the web site in clear, v4 and v6 together. */
export function packetsInClear(): number {
  const text = must(inside("router", "nft", "list", "counter", "inet", "demo", "clear"));
  return Number(/packets (\d+)/.exec(text)?.[1] ?? Number.NaN);
}

function publicKeyOf(privateKey: string): string {
  return must(["wg", "pubkey"], privateKey).trim();
}

async function startServer(folder: string, serverKey: string, clientPublicKey: string): Promise<ChildProcess> {
  const engine = background(inside("server", "wireguard-go", "-f", "wg0"));
  const keyFile = join(folder, "server.key");
  writeFileSync(keyFile, serverKey, { mode: 0o600 });
  for (
    let attempt = 0;
    !readdirSync("/run").includes("wireguard") || quietly(["wg", "show", "wg0"]).status !== 0;
    attempt += 1
  ) {
    if (attempt > 200) throw new Error("wireguard-go did not come up");
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  const peer = ["peer", clientPublicKey, "allowed-ips", `${stage.inside4}/32,${stage.inside6}/128`];
  must(inside("server", "wg", "set", "wg0", "listen-port", String(stage.serverPort), "private-key", keyFile, ...peer));
  must(["ip", "-n", "server", "-batch", "-"], serverInside);
  return engine;
}

function background(argv: readonly string[]): ChildProcess {
  const [program = "", ...rest] = argv;
  return spawn(program, rest, { stdio: "ignore" });
}

const wires = `
link add uplink netns laptop type veth peer name laptop0 netns router
link add up0 netns server type veth peer name server0 netns router
`.trim();

const addressing: Record<string, readonly string[]> = {
  laptop: [
    "link set lo up",
    `address add ${stage.laptop4}/24 dev uplink`,
    "address add fd77::2/64 dev uplink nodad",
    "link set uplink up",
    `route add default via ${stage.router4}`,
    "route add default via fd77::1",
  ],
  router: [
    "link set lo up",
    `address add ${stage.router4}/24 dev laptop0`,
    "address add fd77::1/64 dev laptop0 nodad",
    "address add 203.0.113.1/24 dev server0",
    "address add 2001:db8:9::1/64 dev server0 nodad",
    `address add ${stage.web4}/32 dev lo`,
    `address add ${stage.web6}/128 dev lo nodad`,
    "link set laptop0 up",
    "link set server0 up",
  ],
  server: [
    "link set lo up",
    `address add ${stage.server4}/24 dev up0`,
    "address add 2001:db8:9::9/64 dev up0 nodad",
    "link set up0 up",
    "route add default via 203.0.113.1",
    "route add default via 2001:db8:9::1",
  ],
};

const serverInside = [
  `address add ${stage.nameServer}/24 dev wg0`,
  "address add fd08::1/64 dev wg0 nodad",
  `address add ${stage.intranet}/32 dev wg0`,
  "link set wg0 up",
].join("\n");

const routerCounters = `
table inet demo {
  counter clear { }
  chain seen { type filter hook prerouting priority 0;
    iifname "laptop0" ip daddr ${stage.web4} counter name clear
    iifname "laptop0" ip6 daddr ${stage.web6} counter name clear
  }
}`;

const serverNat = `
table inet demo {
  chain hide { type nat hook postrouting priority 100;
    oifname "up0" masquerade
  }
}`;

import { spawn } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { quietly } from "./narrator.ts";
import { type KeyPair, newKeys } from "./new-keys.ts";
import { OBFUSCATION } from "./story.ts";

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
 * Builds the laptop, the router with the internet behind it, and the VPN server (awg again, NAT, a name server).
 * The router counts packets that reach the laptop's web site in clear, and the tunnel's, and those of them that begin as
 * WireGuard's do. Everything ends with the demo's namespaces, whose processes must be killed.
 *
 * @returns the laptop's private key and the server's public one
 */
export function buildStage(folder: string): { clientKey: string; serverKey: string } {
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
  const [client, server] = [newKeys(), newKeys()];
  startServer(folder, server, client.publicKey);
  const nameServer = join(import.meta.dirname, "name-server.ts");
  background(inside("server", process.execPath, nameServer, stage.nameServer, stage.intranet));
  return { clientKey: client.privateKey, serverKey: server.publicKey };
}

/** How many packets the router saw go to the web site in clear, v4 and v6 together. */
export function packetsInClear(): number {
  return counted("clear");
}

/** How many packets of the tunnel the router saw, and how many of them begin with a type word of plain WireGuard. */
export function packetsOfTunnel(): { all: number; likeWireguard: number } {
  return { all: counted("tunnel"), likeWireguard: counted("wireguard") };
}

function counted(counter: string): number {
  const text = must(inside("router", "nft", "list", "counter", "inet", "demo", counter));
  return Number(/packets (\d+)/.exec(text)?.[1] ?? Number.NaN);
}

/** The other end is awg with a configuration of its own. */
function startServer(folder: string, keys: KeyPair, clientPublicKey: string): void {
  const keyFile = join(folder, "server.key");
  const config = join(folder, "server.yaml");
  writeFileSync(keyFile, `${keys.privateKey}\n`, { mode: 0o600 });
  writeFileSync(config, serverConfig(keyFile, clientPublicKey));
  const awg = join(import.meta.dirname, "..", "awg");
  const where = ["--netns", "server", "--state-dir", join(folder, "server-state")];
  must([awg, "apply", "-f", config, "--auto-approve", "--confirm-within", "0", ...where]);
}

function background(argv: readonly string[]): void {
  const [program = "", ...rest] = argv;
  spawn(program, rest, { stdio: "ignore" });
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

const serverConfig = (keyFile: string, clientPublicKey: string): string => `apiVersion: awg/v1
name: server
tunnels:
  guests:
    protocol: amneziawg
    privateKey: { file: ${keyFile} }
    listenPort: ${stage.serverPort}
    addresses: [${stage.nameServer}/24, fd08::1/64, ${stage.intranet}/32]
    obfuscation: ${OBFUSCATION}
    peers: [{ publicKey: ${clientPublicKey}, allowedIPs: [${stage.inside4}/32, ${stage.inside6}/128] }]
default: { via: direct }
`;

/** WireGuard's first four bytes: its type, 1 to 4, and three zeros. */
const routerCounters = `
table inet demo {
  counter clear { }
  counter tunnel { }
  counter wireguard { }
  chain seen { type filter hook prerouting priority 0;
    iifname "laptop0" ip daddr ${stage.web4} counter name clear
    iifname "laptop0" ip6 daddr ${stage.web6} counter name clear
    udp dport ${stage.serverPort} counter name tunnel
    udp sport ${stage.serverPort} counter name tunnel
    udp dport ${stage.serverPort} @th,64,32 { 0x01000000, 0x02000000, 0x03000000, 0x04000000 } counter name wireguard
    udp sport ${stage.serverPort} @th,64,32 { 0x01000000, 0x02000000, 0x03000000, 0x04000000 } counter name wireguard
  }
}`;

const serverNat = `
table inet demo {
  chain hide { type nat hook postrouting priority 100;
    oifname "up0" masquerade
  }
}`;

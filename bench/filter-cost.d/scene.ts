import { existsSync, mkdirSync, readdirSync, readFileSync, realpathSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { must, newKeys, writePrivate } from "../program.ts";

/** Where one policy is measured: from the near namespace to an address at the far one. */
export interface Scene {
  readonly policy: string;
  readonly near: string;
  readonly far: string;
  readonly address: string;
  /** The namespace with the policy, where that is not the near one. */
  readonly host?: string;
}

const AWG = join(import.meta.dirname, "..", "..", "src", "cli", "awg.ts");
const FAR = "203.0.113.2";
const FAR_IN_TUNNEL = "10.8.0.1";
const TUNNEL_PORT = 51820;

/** Rules by program, as lines of a config with this tunnel. */
let rules: (tunnel: string) => string = () => "";

/** Makes the namespaces for one kind of traffic, a set for each policy, and loads the policies. */
export async function buildHost(traffic: string, programs: number): Promise<readonly Scene[]> {
  rules = (tunnel) => programRules(programs, traffic === "tunnel" ? tunnel : "direct");
  if (traffic === "host") return [plain("none"), withAwg(plain("awg"), laptop()), withNft(plain("five chains"))];
  if (traffic === "forwarded") {
    const ours = forwarding("awg");
    applyAwg(ours.host, router("guests"));
    const five = forwarding("five chains");
    must(["ip", "netns", "exec", five.host, "nft", "-f", "-"], FIVE_CHAINS);
    const routed = forwarding("routed five chains");
    must(["ip", "netns", "exec", routed.host, "nft", "-f", "-"], FIVE_CHAINS);
    must(["ip", "-n", routed.host, "rule", "add", "fwmark", "0x3d000000/0xff000000", "lookup", "main"]);
    const alone = forwarding("conntrack and policy rules alone");
    applyAwg(alone.host, router("alone"));
    removePolicy(alone.host);
    must(["ip", "netns", "exec", alone.host, "nft", "-f", "-"], CONNTRACK);
    return [forwarding("none"), ours, five, routed, alone];
  }
  if (traffic === "tunnel") return [tunnel("none", false), tunnel("awg", true)];
  throw new Error(`there is no traffic ${traffic}: say host, forwarded or tunnel`);
}

/** The namespace in which a policy is loaded. */
const hostOf = (policy: string): string => `c-${policy.split(" ", 1).join("")}`;

/** A host and the far end of its uplink. */
function plain(policy: string): Scene {
  const near = hostOf(policy);
  const far = `${near}-far`;
  for (const name of [near, far]) makeNamespace(name);
  cable([near, "up0", "203.0.113.1/24"], [far, "far0", `${FAR}/24`]);
  must(["ip", "-n", near, "route", "add", "default", "via", FAR]);
  return { policy, near, far, address: FAR };
}

/** A guest behind the host. */
function forwarding(policy: string): Scene & { readonly host: string } {
  const { near: host, far, address } = plain(policy);
  const guest = `${host}-guest`;
  makeNamespace(guest);
  cable([host, "guest0", "198.18.0.1/24"], [guest, "eth0", "198.18.0.2/24"]);
  must(["ip", "-n", guest, "route", "add", "default", "via", "198.18.0.1"]);
  must(["ip", "-n", far, "route", "add", "198.18.0.0/24", "via", "203.0.113.1"]);
  must(["ip", "netns", "exec", host, "sysctl", "-qw", "net.ipv4.ip_forward=1"]);
  return { policy, near: guest, far, address, host };
}

/** A tunnel of awg's at both ends; the far end has no policy. */
function tunnel(policy: string, isGuarded: boolean): Scene {
  const { near, far } = plain(policy);
  const [mine, theirs] = [newKeys(), newKeys()];
  // Control sockets are per host, so that each tunnel here needs a device name of its own.
  const suffix = isGuarded ? "1" : "2";
  applyAwg(far, server(`far${suffix}`, theirs.privateKey, mine.publicKey));
  removePolicy(far);
  applyAwg(near, laptop(`home${suffix}`, mine.privateKey, theirs.publicKey));
  if (!isGuarded) removePolicy(near);
  return { policy, near, far, address: FAR_IN_TUNNEL };
}

function withAwg(scene: Scene, config: string): Scene {
  applyAwg(scene.near, config);
  return scene;
}

function withNft(scene: Scene): Scene {
  must(["ip", "netns", "exec", scene.near, "nft", "-f", "-"], FIVE_CHAINS);
  return scene;
}

function makeNamespace(name: string): void {
  must(["ip", "netns", "add", name]);
  must(["ip", "-n", name, "link", "set", "lo", "up"]);
  mkdirSync(`/etc/netns/${name}`, { recursive: true });
  writeFileSync(`/etc/netns/${name}/resolv.conf`, "nameserver 192.0.2.53\n");
}

type Plug = readonly [namespace: string, device: string, address: string];

function cable(a: Plug, b: Plug): void {
  must(["ip", "-n", a[0], "link", "add", a[1], "type", "veth", "peer", "name", b[1], "netns", b[0]]);
  for (const [namespace, device, address] of [a, b]) {
    must(["ip", "-n", namespace, "address", "add", address, "dev", device]);
    must(["ip", "-n", namespace, "link", "set", device, "up"]);
  }
}

function awg(verb: string): string[] {
  return [process.execPath, "--disable-warning=ExperimentalWarning", AWG, verb];
}

function applyAwg(namespace: string, config: string): void {
  const file = writePrivate(`${namespace}.yaml`, config);
  const folder = join("/root", `${namespace}.state`);
  const flags = ["--netns", namespace, "--state-dir", folder, "--auto-approve"];
  must([...awg("apply"), "-f", file, ...flags]);
}

/** Ends the keeper, so that it does not own the tables any more, and deletes them: the tunnel stays. */
function removePolicy(namespace: string): void {
  const inode = must(["ip", "netns", "exec", namespace, "readlink", "/proc/self/ns/net"]).replaceAll(/\D/g, "");
  for (const pid of readdirSync("/proc").map(Number)) {
    if (pid > 0 && commandOf(pid).includes(`\0keeper\0--run-dir\0/run/awg/netns-${inode}\0`))
      process.kill(pid, "SIGKILL");
  }
  must(["sleep", "0.5"]);
  for (const family of ["inet", "netdev", "arp"])
    must(["ip", "netns", "exec", namespace, "nft", "delete", "table", family, "awg"]);
}

function commandOf(pid: number): string {
  try {
    return readFileSync(`/proc/${pid}/cmdline`, "utf8");
  } catch {
    return "";
  }
}

/** examples/laptop, with the far end of the cable in a range that goes directly. */
function laptop(tunnel = "home", privateKey = newKeys().privateKey, peerKey = newKeys().publicKey): string {
  return `apiVersion: awg/v1
name: laptop
tunnels:
  ${tunnel}:
    protocol: wireguard
    privateKey: ${privateKey}
    addresses: [10.8.0.2/32, fd00:8::2/128]
    peers:
      - publicKey: ${peerKey}
        endpoint: ${FAR}:${TUNNEL_PORT}
        allowedIPs: [0.0.0.0/0, ::/0]
rules:
${rules(tunnel)}  - name: printer
    destinations: [203.0.113.0/24]
    via: direct
default: { via: ${tunnel}, fallback: block }
killSwitch:
  enabled: true
  allowLan: true
dns:
  servers: [10.8.0.1]
  bootstrap: [192.0.2.53]
  via: ${tunnel}
  leakProtection: true
  blockEncryptedDns: true
`;
}

/** The last one names what sends in the bench. */
function programRules(count: number, via: string): string {
  return Array.from({ length: count }, (_, n) =>
    n === count - 1
      ? `  - { apps: [{ path: ${realpathSync("/usr/bin/python3")} }, { path: /usr/bin/iperf3 }], via: ${via} }\n`
      : `  - { apps: [{ ${n % 2 === 0 ? "path" : "dir"}: /opt/app-${n} }], via: ${n % 3 === 0 ? "block" : "direct"} }\n`,
  ).join("");
}

/** Detaches the BPF programs of a policy with program rules, which would outlive the namespace; ends its tunnel. */
export function removeClassifiers(namespace: string): void {
  const state = join("/root", `${namespace}.state`);
  if (!existsSync(state)) return;
  must([...awg("destroy"), "--netns", namespace, "--state-dir", state, "--auto-approve"]);
}

/** The same host with the default direct: only then does the kill switch let guests go directly (S7.3). */
function router(tunnel: string): string {
  return laptop(tunnel).replace(`default: { via: ${tunnel}, fallback: block }`, "default: { via: direct }");
}

function server(tunnel: string, privateKey: string, peerKey: string): string {
  return `apiVersion: awg/v1
name: server
tunnels:
  ${tunnel}:
    protocol: wireguard
    privateKey: ${privateKey}
    addresses: [${FAR_IN_TUNNEL}/24]
    listenPort: ${TUNNEL_PORT}
    peers:
      - publicKey: ${peerKey}
        allowedIPs: [10.8.0.2/32]
default: { via: direct }
`;
}

/** What every stateful filter costs before its first rule. */
const CONNTRACK = `table inet tracked {
  chain entering { type filter hook input priority 0; policy accept; ct state invalid drop; }
}
`;

/**
 * What a person writes by hand: five chains that drop all but what is meant. With a policy rule beside them the kernel looks
 * up each route by its rules and in two tables (fib_has_custom_rules of linux/include/net/netns/ipv4.h).
 */
const FIVE_CHAINS = `table inet five {
  chain arriving { type filter hook prerouting priority -150; policy accept; ct state invalid drop; }
  chain entering { type filter hook input priority 0; policy drop;
    iifname "lo" accept
    ct state established,related accept
    ip saddr 203.0.113.0/24 accept
  }
  chain steering { type route hook output priority -150; policy accept;
    ip daddr 203.0.113.0/24 meta mark set 0x3d000000
  }
  chain leaving { type filter hook postrouting priority 50; policy drop;
    oifname { "lo", "awg-home" } accept
    udp dport { 53, 853 } drop
    tcp dport { 53, 853 } drop
    ip daddr { 10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, 198.18.0.0/15, 203.0.113.0/24 } accept
    meta skuid 0 udp dport 51820 accept
  }
  chain crossing { type filter hook forward priority 0; policy drop;
    ct state established,related accept
    iifname "guest0" accept
  }
}
`;

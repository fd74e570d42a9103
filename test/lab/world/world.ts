import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { temporaryFolder } from "../../support/folder.ts";
import { run, tryRun } from "./command.ts";
import { place } from "./place.ts";
import { Tethered } from "./tethered.ts";

const roles = ["client", "internet", "vpn", "guest", "neighbour"] as const;
export type Role = (typeof roles)[number];

let worldsMade = 0;

/**
 * Five namespaces: a client, its neighbour on the same LAN, a guest whose packets it forwards, the internet (router,
 * resolvers, an echo on 198.51.100.10; it answers ARP for every address it can reach, so that a packet sent on-link
 * in error really leaves), and a VPN server. Disposing it removes all of it, also after failures.
 */
export class World implements AsyncDisposable {
  readonly id: string;
  /** A folder of this world for keys and captures. */
  readonly folder = temporaryFolder("lab");
  /** The servers' ends of tunnels: devices of the role "vpn" by which comes out what went into one. */
  readonly tunnelEnds: string[] = [];
  private readonly number: number;
  private readonly stack = new AsyncDisposableStack();

  private constructor() {
    worldsMade += 1;
    this.number = worldsMade;
    this.id = `${process.pid.toString(36)}${worldsMade.toString(36)}`;
  }

  /** The namespace of a role, as `ip netns` knows it. */
  namespace(role: Role): string {
    return `t-lab-${process.pid}-${this.number}-${role}`;
  }

  /** A device name that no other process uses, because engines' sockets share one folder (/var/run/wireguard). */
  deviceName(label: string): string {
    return `t${this.id}${label}`.slice(0, 15);
  }

  /** Runs a program inside a role's namespace; throws unless it exits 0. */
  inside(role: Role, argv: readonly string[], input = ""): Promise<string> {
    return run(["ip", "netns", "exec", this.namespace(role), ...argv], input);
  }

  /**
   * Drops what the client has sent and still keeps for a neighbour whose address is not resolved. Linux keeps it for three
   * seconds; then no hook of the IP stack sees it again, so a packet from before a policy may leave behind it (S12.25).
   */
  async dropWaitingPackets(): Promise<void> {
    await run(["ip", "-n", this.namespace("client"), "neigh", "flush", "dev", place.device, "nud", "incomplete"]);
  }

  /** Keeps something to be disposed with the world, in reverse order. */
  use<T extends AsyncDisposable>(resource: T): T {
    return this.stack.use(resource);
  }

  /** The resolv.conf that programs in the client's namespace see. */
  get resolvConf(): string {
    return `/etc/netns/${this.namespace("client")}/resolv.conf`;
  }

  /** Builds a world; when that fails, what was made is removed again. */
  static async open(): Promise<World> {
    await reapDeadWorlds();
    const world = new World();
    try {
      await world.build();
      return world;
    } catch (cause) {
      await world[Symbol.asyncDispose]();
      throw cause;
    }
  }

  private async build(): Promise<void> {
    this.stack.defer(() => this.remove());
    await Promise.all(roles.map((role) => run(["ip", "netns", "add", this.namespace(role)])));
    await Promise.all(roles.map((role) => this.inside(role, ["sysctl", "-q", "-w", ...sysctls])));
    await run(["ip", "-batch", "-"], this.wires());
    for (const role of roles) {
      await run(["ip", "-n", this.namespace(role), "-batch", "-"], addressing[role].join("\n"));
    }
    await this.inside("internet", ["sysctl", "-q", "-w", ...answersArpForAll]);
    await this.inside("client", ["nft", "-f", "-"], clientBase);
    await this.inside("vpn", ["nft", "-f", "-"], vpnBase);
    mkdirSync(`/etc/netns/${this.namespace("client")}`, { recursive: true });
    writeFileSync(this.resolvConf, `nameserver ${place.v4.router}\n`);
    await this.startResponders();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stack.disposeAsync();
  }

  private async startResponders(): Promise<void> {
    const { v4, v6 } = place;
    const linkLocal6 = `${v6.linkLocal}%lan`;
    const here = [v4.router, v4.linkLocal, v4.echo, v4.resolver, v6.router, linkLocal6, v6.echo, v6.resolver];
    const internet = this.use(new Tethered("responder.py", [this.namespace("internet"), ...here]));
    await internet.line("the internet's services", (line) => line === "ready");
  }

  private wires(): string {
    const wire = (a: Role, aName: string, b: Role, bName: string): string =>
      `link add ${aName} netns ${this.namespace(a)} type veth peer name ${bName} netns ${this.namespace(b)}`;
    return [
      wire("client", place.device, "internet", "client0"),
      wire("neighbour", "lan0", "internet", "neighbour0"),
      wire("vpn", "up0", "internet", "vpn0"),
      wire("client", "guest0", "guest", "up0"),
    ].join("\n");
  }

  private async remove(): Promise<void> {
    for (const role of roles) await removeNamespace(this.namespace(role));
    rmSync(this.folder, { recursive: true, force: true });
  }
}

const sysctls = [
  "net.ipv4.ping_group_range=0 2147483647",
  "net.ipv4.ip_forward=1",
  "net.ipv4.icmp_ratelimit=0",
  "net.ipv6.icmp.ratelimit=0",
  "net.ipv6.conf.all.forwarding=1",
  "net.ipv6.conf.all.accept_dad=0",
  "net.ipv6.conf.default.accept_dad=0",
];

const { v4, v6, device, secondServer } = place;

const addressing: Record<Role, readonly string[]> = {
  client: [
    "link set lo up",
    `address add ${v4.client}/24 broadcast + dev ${device}`,
    `address add ${v6.client}/64 dev ${device} nodad`,
    "address add 192.168.88.1/24 dev guest0",
    "address add fd88::1/64 dev guest0 nodad",
    `link set ${device} up`,
    "link set guest0 up",
    `route add default via ${v4.router}`,
    `route add 169.254.0.0/16 dev ${device} metric 1000`,
    `route add default via ${v6.router}`,
  ],
  internet: [
    "link set lo up",
    "link add lan type bridge mcast_snooping 0",
    "link set client0 master lan",
    "link set neighbour0 master lan",
    `address add ${v4.router}/24 dev lan`,
    `address add ${v4.linkLocal}/16 dev lan`,
    `address add ${v6.router}/64 dev lan nodad`,
    `address add ${v6.linkLocal}/64 dev lan nodad`,
    `address add ${v4.echo}/32 dev lo`,
    `address add ${v4.resolver}/32 dev lo`,
    `address add ${v6.echo}/128 dev lo nodad`,
    `address add ${v6.resolver}/128 dev lo nodad`,
    "address add 203.0.113.1/24 dev vpn0",
    "address add 2001:db8:9::1/64 dev vpn0 nodad",
    "link set lan up",
    "link set client0 up",
    "link set neighbour0 up",
    "link set vpn0 up",
    "route add 192.168.88.0/24 via 192.168.77.2",
    "route add fd88::/64 via fd77::2",
  ],
  vpn: [
    "link set lo up",
    `address add ${v4.server}/24 dev up0`,
    `address add ${secondServer.v4}/24 dev up0`,
    `address add ${v6.server}/64 dev up0 nodad`,
    `address add ${secondServer.v6}/64 dev up0 nodad`,
    "link set up0 up",
    "route add default via 203.0.113.1",
    "route add default via 2001:db8:9::1",
  ],
  guest: [
    "link set lo up",
    "address add 192.168.88.2/24 dev up0",
    "address add fd88::2/64 dev up0 nodad",
    "link set up0 up",
    "route add default via 192.168.88.1",
    "route add default via fd88::1",
  ],
  neighbour: [
    "link set lo up",
    `address add ${v4.neighbour}/24 dev lan0`,
    `address add ${v6.neighbour}/64 dev lan0 nodad`,
    "link set lan0 up",
    `route add ${v4.tunnel}/32 via ${v4.client}`,
    `route add ${v6.tunnel}/128 via ${v6.client}`,
  ],
};

/** At once, not after the random wait of proxy ARP. */
const answersArpForAll = ["net.ipv4.conf.lan.proxy_arp=1", "net.ipv4.neigh.lan.proxy_delay=0"];

/** Makes the client track connections from the start, so that flows opened before a policy are known to it. */
const clientBase = `
table inet lab {
  chain watch { type filter hook output priority -500; ct state new counter; }
  chain hide { type nat hook postrouting priority 100;
    oifname "${device}" ip saddr 192.168.88.0/24 masquerade
    oifname "${device}" ip6 saddr fd88::/64 masquerade
  }
}`;

const vpnBase = `
table inet lab {
  chain hide { type nat hook postrouting priority 100;
    oifname "up0" masquerade
  }
}`;

async function removeNamespace(name: string): Promise<void> {
  const processes = await tryRun(["ip", "netns", "pids", name]);
  for (const pid of processes.stdout.split("\n").filter(Boolean).map(Number)) {
    try {
      process.kill(pid, "SIGKILL");
    } catch {}
  }
  await tryRun(["ip", "netns", "del", name]);
  rmSync(`/etc/netns/${name}`, { recursive: true, force: true });
}

/** Removes what a killed run of this lab left: namespaces that carry the number of a process that is gone. */
async function reapDeadWorlds(): Promise<void> {
  let names: string[] = [];
  try {
    names = readdirSync("/run/netns");
  } catch {
    return;
  }
  for (const name of names) {
    const pid = /^t-lab-(\d+)-\d+-[a-z]+$/.exec(name)?.[1];
    if (pid !== undefined && !isAlive(pid)) await removeNamespace(name);
  }
}

function isAlive(pid: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/stat`, "utf8") !== "";
  } catch {
    return false;
  }
}

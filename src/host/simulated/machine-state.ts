import type { NameService } from "../../model/dns/name-service.ts";
import type { FirewallPolicy, PathSwitch } from "../../model/firewall/policy.ts";
import { compareIp, type Family, parseIp } from "../../model/ip.ts";
import type { ClassifierObserved } from "../../model/program/classifier.ts";
import type { ProxySpec } from "../../model/relay/proxy.ts";
import type { ResolverMethod } from "../../model/resources/resolver.ts";
import type { SystemExtensionState } from "../../model/resources/system-extension.ts";
import type { TunnelObserved } from "../../model/resources/tunnel.ts";
import type { Capabilities } from "../ports/facts.ts";
import type { Route, RuleEntry } from "../ports/routes.ts";

/** A network device of the simulated host. */
export interface SimulatedLink {
  device: string;
  index: number;
  type: "tun" | "wireguard" | "other";
  /** What is behind it: a wire, the host itself, or an engine. */
  medium: "physical" | "loopback" | "tunnel";
  up: boolean;
  mtuBytes: number;
  /** With prefix length, host bits kept. */
  addresses: string[];
  /** IFLA_IFALIAS; null when never set. */
  alias: string | null;
  /** Whether a process holds the TUN descriptor; without one the device has no carrier. */
  held: boolean;
  /** The unit number of a utun that was requested by number. */
  unit?: number;
}

/** Another program's packet filter table: it drops traffic to these prefixes, whatever our tables accept. */
export interface ForeignTable {
  name: string;
  drops: string[];
}

/** Our part of the packet filter. */
export interface SimulatedFirewall {
  policy: FirewallPolicy | null;
  /** A live keeper owns the tables; while none does, a foreign flush removes them. */
  held: boolean;
  /** Damage by others while the tables had no owner; damaged tables count as accepting everything. */
  damage: string[];
  /** It is enabled and loaded, but accepts everything, as PF does after some upgrades (rule S13.15). */
  isDisregarded?: true;
  droppedPackets: number;
  /** Switches in force, and until when; absent where none is. */
  fallback?: { switches: readonly PathSwitch[]; untilMs: number };
}

/** The system resolver: a file, the links of systemd-resolved, the dynamic store of macOS, and the saved original. */
export interface SimulatedResolver {
  method: ResolverMethod;
  /** The text of resolv.conf. */
  text: string;
  /** The text that awg replaced; null when the file is not ours. */
  saved: string | null;
  /** awg's own resolver; absent while it does not run. */
  service?: NameService;
  /** Per device: the servers and search domains of its resolved link; "" is our key of macOS's store. */
  links: Record<string, { servers: string[]; search: string[]; split?: Readonly<Record<string, readonly string[]>> }>;
}

/** The whole simulated host as plain data; it survives JSON unchanged. */
export interface MachineState {
  formatVersion: 1;
  nowMs: number;
  /** The simulated system; expansion makes other resources for a Mac. */
  os: "linux" | "darwin";
  fingerprint: string;
  capabilities: Capabilities;
  serviceUid: number;
  users: Record<string, number>;
  /** What names resolve to. */
  hosts: Record<string, string[]>;
  links: SimulatedLink[];
  /** Configured routes; local and connected routes are derived from addresses. */
  routes: Route[];
  rules: RuleEntry[];
  engines: TunnelObserved[];
  /** Public keys of peers that answer a handshake. */
  answeringPeers: string[];
  firewall: SimulatedFirewall;
  foreignTables: ForeignTable[];
  sysctls: Record<string, string>;
  resolver: SimulatedResolver;
  processes: SimulatedProcess[];
  services: SimulatedService[];
  /** Relays of proxies; absent in files of earlier versions. */
  relays?: ProxySpec[];
  /** The service manager; null without one. */
  serviceManager: "systemd" | "launchd" | null;
  systemExtensions: SimulatedExtension[];
  /** Our classifier of sockets; empty without one. */
  classifiers: ClassifierObserved[];
}

/** A program that runs; bundles and signer only on a Mac. */
export interface SimulatedProcess {
  pid: number;
  uid: number;
  path: string;
  /** 0 if absent; one that no process has is an ancestor that cannot be read. */
  parentPid?: number;
  bundleIds?: string[];
  signer?: string | null;
}

/** A service; other programs' services have no definition here. */
export interface SimulatedService {
  name: string;
  running: boolean;
  path?: string;
  definition?: string;
  /** The definition that the manager has loaded. */
  loadedDefinition?: string;
  enabled?: boolean;
  uid?: number;
}

/** A system extension, and the user's answer to its approval prompt. */
export interface SimulatedExtension {
  bundle: string;
  state: SystemExtensionState;
  approves: boolean;
  /** `short/build`, as systemextensionsctl writes it; 1.0/1 unless given. */
  version?: string;
  /** The version in the app, where there is one. */
  carried?: string;
}

/** Routing tables the kernel knows by itself. */
export const LOCAL_TABLE = 255;
export const MAIN_TABLE = 254;
const DEFAULT_TABLE = 253;
/** rtm_protocol of routes by the kernel, and by an administrator (`ip route`). */
export const KERNEL_PROTOCOL = 2;
export const ADMIN_PROTOCOL = 4;

/** What a current Linux with both engines can do. */
export const ALL_CAPABILITIES: Capabilities = {
  tun: true,
  nftables: true,
  egressHook: true,
  ownedTables: true,
  kernelWireguard: false,
  userspaceWireguard: true,
  userspaceAmneziawg: true,
  resolved: false,
  classifier: { ok: true },
};

/**
 * A plain laptop: one Ethernet link with IPv4 and IPv6, a router, a resolver, two users. The addresses are from
 * documentation ranges (RFC 5737, RFC 3849) and a private network.
 */
export function laptopState(): MachineState {
  return {
    formatVersion: 1,
    nowMs: 1_700_000_000_000,
    os: "linux",
    fingerprint: "simulated-laptop",
    capabilities: ALL_CAPABILITIES,
    serviceUid: 64_174,
    users: { root: 0, alice: 1000, bob: 1001, backup: 34 },
    hosts: { "vpn.example.com": ["198.51.100.7"], "gate.example.net": ["203.0.113.9", "2001:db8:9::9"] },
    links: [
      simulatedLink({
        device: "lo",
        index: 1,
        medium: "loopback",
        mtuBytes: 65_536,
        addresses: ["127.0.0.1/8", "::1/128"],
      }),
      simulatedLink({
        device: "eth0",
        index: 2,
        medium: "physical",
        mtuBytes: 1500,
        addresses: ["192.168.1.20/24", "2001:db8:1::20/64", "fe80::20/64"],
      }),
    ],
    routes: [defaultRoute(4, "eth0", "192.168.1.1", 100), defaultRoute(6, "eth0", "fe80::1", 100)],
    rules: ([4, 6] as const).flatMap(kernelRules),
    engines: [],
    answeringPeers: [],
    firewall: { policy: null, held: false, damage: [], droppedPackets: 0 },
    foreignTables: [],
    sysctls: { ...LAPTOP_SYSCTLS },
    resolver: { method: "file", text: "nameserver 192.168.1.1\n", saved: null, links: {} },
    processes: [{ pid: 1, uid: 0, path: "/sbin/init" }],
    services: [],
    serviceManager: "systemd",
    systemExtensions: [],
    classifiers: [],
  };
}

const LAPTOP_SYSCTLS: Readonly<Record<string, string>> = {
  "net.ipv4.ip_forward": "0",
  "net.ipv4.conf.all.arp_ignore": "0",
  "net.ipv4.conf.all.arp_announce": "0",
  "net.ipv4.conf.all.rp_filter": "0",
  "net.ipv4.conf.default.rp_filter": "2",
  "net.ipv4.conf.eth0.rp_filter": "2",
  "net.ipv4.conf.all.src_valid_mark": "0",
  "net.ipv4.tcp_fwmark_accept": "0",
  "net.ipv4.fwmark_reflect": "0",
  "net.ipv6.conf.all.disable_ipv6": "0",
};

/** A copy that shares nothing changed in place; routes, rules, engines and policies are always replaced whole. */
export function copyState(state: MachineState): MachineState {
  const { resolver } = state;
  return {
    ...state,
    capabilities: { ...state.capabilities },
    users: { ...state.users },
    hosts: { ...state.hosts },
    links: state.links.map((link) => ({ ...link, addresses: [...link.addresses] })),
    routes: [...state.routes],
    rules: [...state.rules],
    engines: [...state.engines],
    answeringPeers: [...state.answeringPeers],
    firewall: { ...state.firewall, damage: [...state.firewall.damage] },
    foreignTables: state.foreignTables.map((table) => ({ ...table, drops: [...table.drops] })),
    sysctls: { ...state.sysctls },
    resolver: { ...resolver, links: structuredClone(resolver.links) },
    processes: state.processes.map((process) => ({ ...process })),
    services: state.services.map((service) => ({ ...service })),
    systemExtensions: state.systemExtensions.map((extension) => ({ ...extension })),
    classifiers: [...state.classifiers],
  };
}

/** A device that is up and not ours. */
export function simulatedLink(
  given: Pick<SimulatedLink, "device" | "index" | "medium" | "mtuBytes" | "addresses">,
): SimulatedLink {
  return { ...given, type: "other", up: true, alias: null, held: false };
}

/** A default route in main, as an administrator or DHCP would set it. */
export function defaultRoute(family: Family, device: string, gateway: string, metric: number): Route {
  const destination = family === 4 ? "0.0.0.0/0" : "::/0";
  return { family, table: MAIN_TABLE, destination, type: "unicast", device, gateway, metric, protocol: ADMIN_PROTOCOL };
}

function kernelRules(family: Family): RuleEntry[] {
  const rows = [
    [0, LOCAL_TABLE],
    [32_766, MAIN_TABLE],
    [32_767, DEFAULT_TABLE],
  ] as const;
  return rows
    .filter(([, table]) => family === 4 || table !== DEFAULT_TABLE)
    .map(([preference, table]) => ({ rule: { family, preference, match: {}, table }, protocol: KERNEL_PROTOCOL }));
}

/** Order of addresses with lengths: IPv4 first, by number, as ports report them. */
export function sortAddresses(addresses: readonly string[]): string[] {
  return [...addresses].sort((a, b) => {
    const [left, right] = [parseIp(withoutLength(a)), parseIp(withoutLength(b))];
    if (left === undefined || right === undefined) return a < b ? -1 : a > b ? 1 : 0;
    return compareIp(left, right) || (a < b ? -1 : a > b ? 1 : 0);
  });
}

/** The address before the slash. */
export function withoutLength(address: string): string {
  const slash = address.indexOf("/");
  return slash < 0 ? address : address.slice(0, slash);
}

/** Whether a text is an IPv6 address or prefix. */
export function familyOf(text: string): Family {
  return text.includes(":") ? 6 : 4;
}

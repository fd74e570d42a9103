import type { PortRange } from "../../model/firewall/policy.ts";
import type { Family } from "../../model/ip.ts";
import type { ResolverMethod } from "../../model/resources/resolver.ts";

/** What the host can do, detected and never inferred from the system's name. */
export interface Capabilities {
  readonly tun: boolean;
  readonly nftables: boolean;
  /** PF of macOS, used instead of nftables. */
  readonly pf?: boolean;
  /** netdev egress hook, which stops raw frames of root. */
  readonly egressHook: boolean;
  /** nft table flags owner and persist. */
  readonly ownedTables: boolean;
  readonly kernelWireguard: boolean;
  readonly userspaceWireguard: boolean;
  readonly userspaceAmneziawg: boolean;
  readonly resolved: boolean;
  /** Whether the kernel can classify sockets by program; absent where no system of that kind can. */
  readonly classifier?: ClassifierCapability;
}

/** The reason is one clause for people: what is missing; `noPatterns` why programs cannot be matched by patterns. */
export type ClassifierCapability =
  | { readonly ok: true; readonly noPatterns?: string }
  | { readonly ok: false; readonly reason: string };

/** A default route and its device that are not ours. */
export interface Uplink {
  readonly family: Family;
  readonly device: string;
  readonly gateway?: string;
  readonly metric: number;
}

/** Mechanisms that keep a rate; only the filter's is used. */
export interface RateMechanisms {
  readonly filter: boolean;
  readonly htb?: boolean;
  readonly ifb?: boolean;
}

/** A physical device. */
export interface HostDevice {
  readonly name: string;
  readonly mtuBytes: number;
  /** What sorts its packets: a kind of tc(8), or `wifi`; absent if it is not known. */
  readonly queue?: string;
}

/** What expansion needs to know about the host, read once per run; plain data. */
export interface HostFacts {
  readonly os: "linux" | "darwin";
  /** Identifies the host and namespace for plan binding: hash of machine id and namespace. */
  readonly fingerprint: string;
  readonly capabilities: Capabilities;
  readonly uplinks: readonly Uplink[];
  /** Physical devices (neither loopback nor ours). */
  readonly devices: readonly HostDevice[];
  /** The uid of the service user; 0 where only one uid exists. */
  readonly serviceUid: number;
  /** Uids of users named in rules; users that do not exist are absent. */
  readonly uids: Readonly<Record<string, number>>;
  /**
   * Uids that users named in rules may take in user namespaces (subuid(5)), by the name or number in the rule; absent
   * for a user without any, and on systems without subuids.
   */
  readonly subordinateUids?: Readonly<Record<string, readonly PortRange[]>>;
  /** Users whose own uid lies in those ranges, by name. */
  readonly usersAmongSubordinates?: Readonly<Record<string, number>>;
  /** Endpoint host names, resolved to addresses in order of preference. */
  readonly addresses: Readonly<Record<string, readonly string[]>>;
  /** The MTU of the route to each of `FactsWanted.hosts` and `endpoints`, by address; absent where not requested. */
  readonly pathMtuBytes?: Readonly<Record<string, number>>;
  readonly resolver: ResolverMethod;
  /** Absent where they were not requested, and on systems where no rule has a rate. */
  readonly rates?: RateMechanisms;
  /** Those of `FactsWanted.programs` that are scripts: their interpreter is the program. Absent without any. */
  readonly scripts?: readonly string[];
  /** Programs ask systemd-resolved by its bus (nss-resolve), not by DNS; absent if not. */
  readonly asksResolved?: true;
  /**
   * The host's name servers without awg's: they were queried for the hosts. Absent where `bootstrap` names servers, no
   * host was requested, or none is known.
   */
  readonly nameServers?: readonly string[];
  /** Engines of other programs that hold one of the requested devices, by device. */
  readonly foreignEngines?: Readonly<Record<string, { readonly uid: number }>>;
  /** The networks that default routes lead into; absent where they were not requested. */
  readonly networks?: readonly HostNetwork[];
  /** Other programs' tunnels that have routes, by name; absent where there are none, or they cannot be read. */
  readonly otherTunnels?: readonly OtherTunnel[];
}

/** A network that the host is in, as far as it is known. */
export interface HostNetwork {
  /** The device of the default route. */
  readonly device: string;
  readonly wired: boolean;
  /** Lower-case hex with colons; absent while the kernel does not know it. */
  readonly gatewayMac?: string;
  /** Name of the wireless network; absent where it is not read. */
  readonly ssid?: string;
}

/** Another program's tunnel that is up, and its routes. */
export interface OtherTunnel {
  readonly device: string;
  /** Canonical prefixes. */
  readonly destinations: readonly string[];
}

/** What to look up for one configuration. */
export interface FactsWanted {
  readonly users: readonly string[];
  readonly hosts: readonly string[];
  /** Endpoints that are addresses. */
  readonly endpoints?: readonly string[];
  /** Addresses of the servers that resolve the hosts; without any, those that the host had before awg. */
  readonly bootstrap?: readonly string[];
  /** Files that rules name as programs. */
  readonly programs?: readonly string[];
  /** Devices that another program may hold. */
  readonly devices?: readonly string[];
  /** Whether rules depend on the network. */
  readonly networks?: boolean;
  /** Which mechanisms of rates are looked for: the one that rules use, or all. */
  readonly rates?: "filter" | "all";
}

export interface FactsPort {
  read(wanted: FactsWanted): Promise<HostFacts>;
}

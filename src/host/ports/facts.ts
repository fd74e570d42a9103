import type { PortRange } from "../../model/firewall/policy.ts";
import type { Family } from "../../model/ip.ts";
import type { ResolverMethod } from "../../model/resources/resolver.ts";

/** What the machine can do; asked for, never guessed from a system's name. */
export interface Capabilities {
  readonly tun: boolean;
  readonly nftables: boolean;
  /** PF of macOS, which stands in nftables' place. */
  readonly pf?: boolean;
  /** netdev egress hook, which stops raw frames of root. */
  readonly egressHook: boolean;
  /** nft table flags owner and persist. */
  readonly ownedTables: boolean;
  readonly kernelWireguard: boolean;
  readonly userspaceWireguard: boolean;
  readonly userspaceAmneziawg: boolean;
  readonly resolved: boolean;
}

/** A way to the network that is not ours: a default route and its device. */
export interface Uplink {
  readonly family: Family;
  readonly device: string;
  readonly gateway?: string;
  readonly metric: number;
}

/** What expansion needs to know of the machine, read once per run; plain data. */
export interface HostFacts {
  readonly os: "linux" | "darwin";
  /** Names the machine and namespace for plan binding: hash of machine id and namespace. */
  readonly fingerprint: string;
  readonly capabilities: Capabilities;
  readonly uplinks: readonly Uplink[];
  /** Physical devices (anything that is not loopback and not ours), with their mtu. */
  readonly devices: readonly { readonly name: string; readonly mtuBytes: number }[];
  /** The uid of the service user; 0 where there is only one uid. */
  readonly serviceUid: number;
  /** Users named in rules, resolved to uids; absent names do not exist. */
  readonly uids: Readonly<Record<string, number>>;
  /**
   * Numbers that users named in rules may take in user namespaces (subuid(5)), by the name or number that the rule says;
   * absent where a user has none, and on systems without such.
   */
  readonly subordinateUids?: Readonly<Record<string, readonly PortRange[]>>;
  /** Users whose own numbers lie among those, with these numbers, by name. */
  readonly usersAmongSubordinates?: Readonly<Record<string, number>>;
  /** Host names of endpoints, resolved to numeric addresses in order of preference. */
  readonly addresses: Readonly<Record<string, readonly string[]>>;
  /** The MTU of the way to each of `FactsWanted.hosts` and `endpoints`, by address; absent where it was not asked. */
  readonly pathMtuBytes?: Readonly<Record<string, number>>;
  readonly resolver: ResolverMethod;
  /** Engines that another program started and that hold one of the devices asked for, by device; absent where none does. */
  readonly foreignEngines?: Readonly<Record<string, { readonly uid: number }>>;
  /** Tunnels of other programs that traffic is led into, by name; absent where there are none, or nobody can tell. */
  readonly otherTunnels?: readonly OtherTunnel[];
}

/** A tunnel of another program's that is up, and where traffic is led into it. */
export interface OtherTunnel {
  readonly device: string;
  /** Canonical prefixes. */
  readonly destinations: readonly string[];
}

/** What is to be looked up for one configuration. */
export interface FactsWanted {
  readonly users: readonly string[];
  readonly hosts: readonly string[];
  /** Addresses of endpoints that are no names. */
  readonly endpoints?: readonly string[];
  /** Servers (addresses) that the hosts are asked of first; the machine's resolver is asked where they do not answer. */
  readonly bootstrap?: readonly string[];
  /** Devices that may be another program's. */
  readonly devices?: readonly string[];
}

export interface FactsPort {
  read(wanted: FactsWanted): Promise<HostFacts>;
}

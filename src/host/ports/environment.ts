import type { OtherTunnel } from "./facts.ts";
import type { RuleEntry } from "./routes.ts";

/** Another program that writes /etc/resolv.conf. */
export type ResolverManager = "NetworkManager" | "resolvconf";

/** What engines' sockets lack to run as the service user: the user, setpriv(1), or its uid in this user namespace. */
export type ServiceUserLack = "user" | "setpriv" | "mapping";

/** A base chain of another program. */
export interface ForeignChain {
  readonly family: string;
  readonly table: string;
  readonly name: string;
  readonly hook: string;
  readonly drops: boolean;
}

/** A user's limit of inotify instances, and how many are in use. */
export interface InotifyUsage {
  readonly uid: number;
  /** fs.inotify.max_user_instances. */
  readonly limit: number;
  readonly used: number;
}

/** A bridge that this host routes for guests. */
export interface GuestBridge {
  readonly device: string;
  /** This host's IPv4 address on it with the prefix length: "172.17.0.1/16". */
  readonly address: string;
}

/** An address of a device that the kernel does not treat as local. */
export interface UnroutedAddress {
  readonly family: 4 | 6;
  readonly device: string;
  /** Without the length of its prefix. */
  readonly address: string;
}

/** Programs that awg's policy or kernel limits affect, and programs that affect engines. */
export interface OtherSoftware {
  /** Absent if the kernel sets no limit. */
  readonly inotifyUsage?: InotifyUsage;
  readonly otherTunnels?: readonly OtherTunnel[];
  /** Bridges with traffic that passes the IP tables (br_netfilter). */
  readonly filteredBridges?: readonly string[];
  /** Bridges that this host routes for guests; empty if it does not forward. */
  readonly guestBridges?: readonly GuestBridge[];
}

/** A process of awg's that alone keeps a deleted network namespace. */
export interface StrandedProcess {
  readonly pid: number;
  readonly role: "keeper" | "engine";
  /** Its inode. */
  readonly namespace: string;
}

/** Other software and leftovers on the host, for `awg doctor`; lists are empty where nothing was found or may be read. */
export interface Environment extends OtherSoftware {
  readonly nowMs: number;
  readonly rules: readonly RuleEntry[];
  /** Addresses for which the kernel has no route of its own; absent where they cannot be read. */
  readonly unrouted?: readonly UnroutedAddress[];
  readonly chains: readonly ForeignChain[];
  /** Whether `nft` is there, which the boot unit and people need. */
  readonly nftProgram: boolean;
  /** Why engines' sockets cannot run as the service user; absent if they can. */
  readonly serviceUserLack?: ServiceUserLack;
  readonly ipv6Disabled: boolean;
  /** systemd-networkd runs and removes policy rules that it did not make. */
  readonly networkdRemovesRules: boolean;
  /** The program that rewrites /etc/resolv.conf, if it is known. */
  readonly resolverManager: ResolverManager | undefined;
  /** The process that owns our nf_tables tables if it is not the running keeper, and how to end it. */
  readonly tableOwner?: { readonly pid: number; readonly name: string; readonly remedy: string };
  /** UAPI and keeper sockets without a listener. */
  readonly deadSockets: readonly string[];
  /** Keepers and engines in network namespaces that were deleted; absent if it is not examined. */
  readonly stranded?: readonly StrandedProcess[];
  /** Folders and files of network namespaces that no longer exist. */
  readonly goneNamespaces: readonly string[];
}

import type { Environment, InotifyUsage } from "../host/ports/environment.ts";
import type { FactsWanted, HostFacts } from "../host/ports/facts.ts";
import type { Host } from "../host/ports/host.ts";
import type { Inspection } from "../host/ports/inspection.ts";
import type { NetworkEvents } from "../host/ports/network-events.ts";
import type { ProcessPort } from "../host/ports/processes.ts";
import type { DesiredState } from "../model/resources/desired-state.ts";
import type { TunnelSpec } from "../model/resources/tunnel.ts";
import type { SecretId } from "../model/secret.ts";
import type { ApplyDeps } from "../reconciler/apply/outcome.ts";
import type { Stores } from "../reconciler/journal/stores.ts";
import type { Note } from "../resources/expand/expansion.ts";
import { driverRegistry } from "../resources/registry.ts";
import type { Asker, AuditEntry } from "../state/audit/audit-file.ts";
import type { DaemonPlace, DaemonRecord } from "../state/daemon/daemon-file.ts";
import type { LockingProcess } from "../state/lock.ts";
import type { OnWait } from "./announced-wait.ts";
import type { CarriedConnection } from "./apply/ssh-connection.ts";
import type { KnownConfig } from "./load/known-config.ts";
import type { NamedSecret } from "./plan/facts-wanted.ts";
import type { ExpandInput } from "./plan/memoized-expansion.ts";
import type { Watchdog } from "./watchdog.ts";

/** The parts of a session that differ between a real host and a simulated one. */
export interface HostParts {
  readonly host: Host;
  readonly stores: Stores;
  readonly clock: ApplyDeps["clock"];
  /** Where the state is. */
  readonly stateDir: string;
  /** Whether the host exists in this process or a file only. */
  readonly isSimulated: boolean;
  /** Facts that any user can read; absent if this system has none. */
  readonly readPublicFacts?: (wanted: FactsWanted) => Promise<HostFacts>;
  /** Other software and leftovers on this host, for `awg doctor`; absent if they are not examined on this system. */
  readonly readEnvironment?: () => Promise<Environment>;
  /** Reads a secret and gives its id; the bytes stay in the store. Throws AwgError config naming the reference. */
  readonly resolveSecret: (secret: NamedSecret) => Promise<SecretId>;
  /** The public key, in base64, of a private key that was resolved in this session; absent where none can be computed. */
  readonly publicKeyOf?: (privateKey: SecretId) => Promise<string>;
  /** For a session that plans repeatedly, mostly with the same configuration and host. */
  readonly expandInput?: ExpandInput;
  /** Held while anything is written; a process that finds it locked gets the holder's verb. */
  readonly lock: (verb: string) => Promise<AsyncDisposable>;
  /** The process that holds the lock; undefined where none does. Takes nothing. */
  readonly whoChanges?: () => Promise<LockingProcess | undefined>;
  /** The one daemon of this host: its place, and the record that it leaves for `awg status`. */
  readonly daemon?: {
    /** AwgError locked while another daemon keeps this host. */
    readonly take: () => Promise<DaemonPlace>;
    readonly read: () => Promise<DaemonRecord | undefined>;
  };
  /** Records a change and who asked for it; absent where none is kept. Throws if it cannot be written. */
  readonly audit?: (entry: Omit<AuditEntry, keyof Asker>) => void;
  /** This boot; absent on a host that never reboots. */
  readonly bootId?: () => string;
  /** AwgError permission if this process may not even read the host. */
  readonly requireRights?: () => void;
  /** Configurations with an inline secret or includes are never known. */
  readonly known?: KnownConfig;
  /** Reverts an unconfirmed change, from another process; undefined on a simulated host. */
  readonly watchdog?: Watchdog;
  /** The SSH connection that this process was started over, if it uses this host's own network. */
  readonly sshConnection?: () => CarriedConnection | undefined;
  /** By which device its client is answered, where a packet policy with these tunnels would refuse it for that (S6.8). */
  readonly answeredElsewhere?: (
    connection: CarriedConnection,
    tunnels: readonly string[],
  ) => Promise<string | undefined>;
  /** Time of that connection, milliseconds since boot; undefined or absent if unknown. */
  readonly sshBeganMs?: () => number | undefined;
  /** Gets the engines that a plan will start, before any write, and may load them. Never throws. */
  readonly expectEngines?: (tunnels: readonly TunnelSpec[]) => Promise<void>;
  /** Remaining kernel limits for engines in other programs; absent or undefined if there are none. */
  readonly inotifyUsage?: () => Promise<InotifyUsage | undefined>;
  /** Kernel queries for verify and explain; undefined on a simulated host, which judges by the policy. */
  readonly inspection?: () => Promise<Inspection>;
  /** The processes of this host; undefined if this version cannot list them. */
  readonly processes?: () => Promise<ProcessPort>;
  /** Follows symbolic links, each path once; absent on a simulated host, which has no files. */
  readonly realPaths?: () => (path: string) => string;
  /** Notes for people on a desired state on this kind of host; absent if there are none. */
  readonly notesOn?: (desired: DesiredState) => readonly Note[];
  /** Events of changes by others, for a host that is simulated in this process; a real one is watched as a whole. */
  readonly events?: NetworkEvents;
  /** See `HostOptions`. */
  readonly onWait?: OnWait;
  /** Called after the last write: a simulated host saves itself. */
  readonly close: () => Promise<void>;
}

/** Dependencies to execute a plan, with these parts and every driver. */
export function applyDepsOf({ host, stores, clock }: HostParts): ApplyDeps {
  return { host, registry: driverRegistry, stores, clock };
}

import type { DomainMatch } from "./domain-match.ts";
import { isNameServer, type NameServer } from "./name-server.ts";

/** Where awg's resolver listens; systemd-resolved uses 127.0.0.53 and 127.0.0.54. */
export const NAME_SERVICE_ADDRESS = "127.0.0.97";

/** A dynamic set of the packet filter and the names whose addresses it holds. */
export interface NameSet {
  /** Name without the suffix of an IP version (`FlowMatch.sets`). */
  readonly set: string;
  readonly domains: readonly DomainMatch[];
}

/** What awg's resolver does; plain data. */
export interface NameService {
  /** A loopback address; UDP and TCP port 53. */
  readonly listen: string;
  /** Queried in order of preference. */
  readonly servers: readonly NameServer[];
  /** Servers for names below single domains; the longest domain wins. */
  readonly split?: Readonly<Record<string, readonly NameServer[]>>;
  readonly sets: readonly NameSet[];
  /** How long an address stays in its set after its TTL. */
  readonly graceSeconds: number;
}

/** Whether a value from outside is such a configuration. */
export function isNameService(value: unknown): value is NameService {
  const { listen, servers, sets, graceSeconds } = (typeof value === "object" && value !== null ? value : {}) as Record<
    string,
    unknown
  >;
  if (typeof listen !== "string" || !listen.startsWith("127.") || typeof graceSeconds !== "number") return false;
  const isSet = (one: unknown) => typeof (one as NameSet | null)?.set === "string";
  return Array.isArray(servers) && servers.every(isNameServer) && Array.isArray(sets) && sets.every(isSet);
}

import type { DomainMatch } from "./domain-match.ts";
import { allServers, isNameServer, type NameServer } from "./name-server.ts";

/** Where awg's resolver listens; systemd-resolved uses 127.0.0.53 and 127.0.0.54. */
export const NAME_SERVICE_ADDRESS = "127.0.0.97";

/** A dynamic set of the packet filter and the names whose addresses it holds. */
export interface NameSet {
  /** Name without the suffix of an IP version (`FlowMatch.sets`). */
  readonly set: string;
  readonly domains: readonly DomainMatch[];
}

/** Servers of names that rules give to a tunnel. */
export interface NameRule {
  /** Sets whose names are meant; absent: every name. */
  readonly sets?: readonly string[];
  /** The tunnel's servers; empty: those of the service. */
  readonly servers: readonly NameServer[];
}

/** An address of the resolver for the programs of some classes. */
export interface NameListener {
  /** A loopback address; UDP and TCP port 53. */
  readonly listen: string;
  readonly classes: readonly number[];
  /** The first match wins. */
  readonly rules: readonly NameRule[];
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
  /** Rules of names for programs without a listener of their own; absent if there are none. */
  readonly rules?: readonly NameRule[];
  /** Listeners of programs (rule S4.15); absent if there are none. */
  readonly listeners?: readonly NameListener[];
  /** Names that are answered with these addresses, and never asked for; absent without any. */
  readonly known?: Readonly<Record<string, readonly string[]>>;
  /** How long an address stays in its set after its TTL. */
  readonly graceSeconds: number;
}

/** Every server of a service, in order. */
export function serversOf({ servers, split, rules = [], listeners = [] }: NameService): readonly NameServer[] {
  const ofRules = [...rules, ...listeners.flatMap((one) => one.rules)].flatMap((one) => one.servers);
  return [...allServers({ servers, split }), ...ofRules];
}

/** The servers of the first rule that names one of these sets, or every name; undefined for those of the service. */
export function serversByRule(rules: readonly NameRule[], held: readonly string[]): readonly NameServer[] | undefined {
  const found = rules.find(({ sets }) => sets === undefined || sets.some((one) => held.includes(one)));
  return found === undefined || found.servers.length === 0 ? undefined : found.servers;
}

/** Whether a value from outside is such a configuration. */
export function isNameService(value: unknown): value is NameService {
  const { listen, servers, sets, graceSeconds, rules, listeners, known = {} } = recordOf(value);
  const isSet = (one: unknown) => typeof recordOf(one)["set"] === "string";
  const areRules = (some: unknown) =>
    some === undefined || isListOf(some, (one) => isListOf(recordOf(one)["servers"], isNameServer));
  const isListener = (one: unknown) => isLoopback(recordOf(one)["listen"]) && areRules(recordOf(one)["rules"]);
  return (
    isLoopback(listen) &&
    typeof graceSeconds === "number" &&
    isListOf(servers, isNameServer) &&
    isListOf(sets, isSet) &&
    areRules(rules) &&
    Object.values(recordOf(known)).every((some) => isListOf(some, (one) => typeof one === "string")) &&
    (listeners === undefined || isListOf(listeners, isListener))
  );
}

function recordOf(value: unknown): Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null ? (value as Readonly<Record<string, unknown>>) : {};
}

function isLoopback(value: unknown): boolean {
  return typeof value === "string" && value.startsWith("127.");
}

function isListOf(value: unknown, isOne: (one: unknown) => boolean): boolean {
  return Array.isArray(value) && value.every(isOne);
}

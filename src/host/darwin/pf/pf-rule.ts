import type { PortRange } from "../../../model/firewall/policy.ts";
import type { Family } from "../../../model/ip.ts";

/** One side of a packet in a PF rule. */
export interface PfSide {
  /** Alternative addresses and prefixes; absent means any. */
  readonly addresses?: readonly string[];
  readonly ports?: readonly PortRange[];
}

/**
 * A PF filter rule or anchor call as data. Every rule is quick: the first match decides, as in the policy. Lists are
 * alternatives; pfctl expands them to their product.
 */
export interface PfRule {
  /** `call` evaluates another anchor, which decides. */
  readonly action: "pass" | "block" | { readonly call: string };
  readonly direction?: "in" | "out";
  /** Interfaces by exact name: PF knows no groups on macOS. */
  readonly on?: readonly string[];
  /** Every interface except this one. */
  readonly notOn?: string;
  readonly family?: Family;
  readonly protocols?: readonly number[];
  readonly from?: PfSide;
  readonly to?: PfSide;
  /** Owners of the local socket; PF knows them for TCP and UDP only. */
  readonly users?: readonly PortRange[];
  readonly icmpTypes?: readonly number[];
  /** Only later fragments. */
  readonly isFragment?: true;
  /**
   * `none`: each packet is judged. `opening`: TCP's first packet, and every packet of other protocols, opens a state bound to
   * the interface. Ignored for block and call.
   */
  readonly state?: "none" | "opening";
  /** The number of its policy rule and words, for the label and for people. */
  readonly why: string;
}

/** An inline anchor: its body is evaluated for packets that the call selects. */
export interface PfAnchor {
  readonly name: string;
  readonly call: Pick<PfRule, "direction" | "on" | "notOn">;
  readonly body: readonly PfNode[];
}

export type PfNode = PfRule | PfAnchor;

/** The text for a list of addresses in a rule: the list itself, or the name of a table. */
export type AddressText = (addresses: readonly string[]) => string;

const PROTOCOL_NAMES: ReadonlyMap<number, string> = new Map([
  [1, "icmp"],
  [6, "tcp"],
  [17, "udp"],
  [58, "icmp6"],
]);
const LONGEST_LABEL = 63;
/** PF parses no literal uid from here on (UID_MAX of OpenBSD 4.3's parser); `nobody` is -2 on macOS. */
const FIRST_UNREADABLE_UID = 2_147_483_647;
const NOBODY_UID = 4_294_967_294;

/**
 * One line of pf.conf in the word order of its grammar: action, direction, quick, interface, family, protocol, hosts,
 * then the options.
 */
export function renderPfRule(rule: PfRule, addressText: AddressText): string {
  const { action, direction, on, notOn, family, protocols, users, icmpTypes } = rule;
  const isCall = typeof action === "object";
  return [
    isCall ? `anchor "${action.call}"` : action === "block" ? "block drop" : "pass",
    direction,
    "quick",
    on === undefined ? undefined : `on ${list(on)}`,
    notOn === undefined ? undefined : `on ! ${notOn}`,
    family === undefined ? undefined : family === 4 ? "inet" : "inet6",
    protocols === undefined ? undefined : `proto ${list(protocols.map((one) => PROTOCOL_NAMES.get(one) ?? `${one}`))}`,
    hosts(rule, addressText),
    users === undefined ? undefined : `user ${list(users.map(userRange))}`,
    icmpTypes === undefined ? undefined : `${family === 4 ? "icmp-type" : "icmp6-type"} ${list(icmpTypes.map(String))}`,
    rule.isFragment ? "fragment" : undefined,
    ...(action === "pass" ? stateWords(rule) : []),
    isCall ? undefined : `label "${pfLabel(rule.why)}"`,
  ]
    .filter((word) => word !== undefined)
    .join(" ");
}

/** Text that neither ends a label or comment nor starts one of its macros ($if, $srcaddr, …). */
export function plainText(text: string): string {
  return text.replace(/[^A-Za-z0-9 ./_:()'-]/g, "?");
}

/** The label of a rule: its reason, cut to the length that PF keeps. */
export function pfLabel(why: string): string {
  return plainText(`awg ${why}`).slice(0, LONGEST_LABEL);
}

function stateWords({ state, protocols }: PfRule): string[] {
  const isTcpOnly = protocols?.length === 1 && protocols[0] === 6;
  if (state === "opening") return [...(isTcpOnly ? ["flags S/SA"] : []), "keep state (if-bound)", "allow-opts"];
  return [...(isTcpOnly ? ["flags any"] : []), "no state", "allow-opts"];
}

function hosts({ from, to }: PfRule, addressText: AddressText): string {
  if (from === undefined && to === undefined) return "all";
  return `from ${side(from, addressText)} to ${side(to, addressText)}`;
}

function side({ addresses, ports }: PfSide = {}, addressText: AddressText): string {
  const where = addresses === undefined ? "any" : addressText(addresses);
  return ports === undefined ? where : `${where} port ${list(ports.map(portRange))}`;
}

function portRange({ from, to }: PortRange): string {
  return from === to ? `${from}` : `${from}:${to}`;
}

/** PF has no closed range for users: `a >< b` excludes both ends. */
export function userRange({ from, to }: PortRange): string {
  if (from === NOBODY_UID && to === NOBODY_UID) return "nobody";
  if (from >= FIRST_UNREADABLE_UID) return `> ${FIRST_UNREADABLE_UID - 1}`;
  if (from === to) return `${from}`;
  if (to + 1 >= FIRST_UNREADABLE_UID) return `>= ${from}`;
  return from === 0 ? `<= ${to}` : `${from - 1} >< ${to + 1}`;
}

/** One value as it is, several in braces. */
export function list(values: readonly string[]): string {
  return values.length === 1 ? (values[0] as string) : `{ ${values.join(" ")} }`;
}

/** Whether PF can match exactly this range of users. If not, the rule is wider and only blocks. */
export function canTellUsers(ranges: readonly PortRange[]): boolean {
  return ranges.every(({ from, to }) => to < FIRST_UNREADABLE_UID - 1 || (from === NOBODY_UID && to === NOBODY_UID));
}

import type {
  AllowGrant,
  ClassSet,
  FlowMatch,
  FlowRule,
  PathRef,
  PolicyTunnel,
  PortRange,
  RuleLimit,
} from "../../../model/firewall/policy.ts";
import { ORPHANED, UNCLASSIFIED } from "../../../model/ownership.ts";
import type { FieldChange } from "../../../model/resource.ts";
import { tunnelOfDevice } from "../../../model/resources/tunnel-key.ts";
import { policyField } from "../../../model/text/field-name.ts";
import { originText } from "../../../model/text/origin-text.ts";
import { protocolName } from "../../../verify/finding.ts";

const SHOWN_MEMBERS = 3;

/**
 * Each field of a step once. The policy holds rules and the default for new packets and for forwarded ones; the
 * configuration holds them once. Pure.
 */
export function visibleChanges(changes: readonly FieldChange[]): readonly FieldChange[] {
  const seen = new Set<string>();
  return changes.filter((change) => {
    const name = policyField(change.field);
    if (name === undefined) return true;
    const text = JSON.stringify({ ...change, field: name });
    const isNew = !seen.has(text);
    seen.add(text);
    return isNew;
  });
}

/**
 * Data of the packet policy in words; undefined where it needs none. A member of a list comes as its JSON. Pure.
 * @param most of more destinations of a rule the first are shown, and their number
 */
export function policyValue(value: unknown, most?: number): string | undefined {
  if (typeof value === "string") {
    const parsed = recordOf(value);
    return parsed === undefined ? originName(value) : policyValue(parsed, most);
  }
  if (!isRecord(value)) return undefined;
  if ("from" in value && "to" in value) return portsText(value as unknown as PortRange);
  if ("match" in value && "path" in value) return ruleText(value as unknown as FlowRule, most);
  if ("direction" in value) return allowText(value as unknown as AllowGrant);
  if ("kind" in value) return pathText(value as unknown as PathRef);
  if ("in" in value || "otherThan" in value) return classesText(value as unknown as ClassSet);
  if ("families" in value) return tunnelText(value as unknown as PolicyTunnel);
  if ("address" in value && "port" in value) return endpointText(String(value["address"]), String(value["port"]));
  return `{ ${Object.entries(value)
    .map(([name, one]) => `${name}: ${dataText(one)}`)
    .join(", ")} }`;
}

function dataText(value: unknown): string {
  return Array.isArray(value) ? `[${value.map(dataText).join(", ")}]` : (policyValue(value) ?? String(value));
}

function tunnelText({ device, addresses }: PolicyTunnel): string {
  return [tunnelOfDevice(device), ...addresses].join(" ");
}

/**
 * A rule in words, with its place: "rules.2 (no-mail): tcp port 25 → block". Pure.
 * @param most of more destinations the first are shown, and their number
 */
export function ruleText({ origin, match, path, limit }: FlowRule, most = Number.POSITIVE_INFINITY): string {
  return `${placeText(origin)}: ${matchTexts(match, most).join(", ") || "all"} → ${pathText(path)}${limit === undefined ? "" : `, ${limitText(limit)}`}`;
}

/** The place of a rule for people: "rules.2 (no-mail)". Pure. */
export function placeText(origin: string): string {
  return originText(origin).replace(/ without a class$/, "");
}

/** Classes are numbers of awg's own: people know the programs of a rule. All but some are those without a class (S4.13). */
function classesText(classes: ClassSet): string {
  const isOfPrograms = "in" in classes && !classes.in.some((number) => number === UNCLASSIFIED || number === ORPHANED);
  return isOfPrograms ? "its programs" : "sockets without a class";
}

/** The limit of a rule in words: "at most 16mbit received, 8mbit sent, low priority". Pure. */
export function limitText({ download, upload, priority }: RuleLimit): string {
  const rates = [
    ...(download === undefined ? [] : [`${rateText(download)} received`]),
    ...(upload === undefined ? [] : [`${rateText(upload)} sent`]),
  ];
  return [
    ...(rates.length === 0 ? [] : [`at most ${rates.join(", ")}`]),
    ...(priority === undefined ? [] : [`${priority} priority`]),
  ].join(", ");
}

/** "10mbit", "1500kbit": the largest unit without a fraction. */
function rateText(bits: number): string {
  const [unit, size] = RATE_UNITS.find(([, one]) => bits % one === 0) ?? ["bit", 1];
  return `${bits / size}${unit}`;
}

const RATE_UNITS = [
  ["gbit", 1e9],
  ["mbit", 1e6],
  ["kbit", 1e3],
] as const;

/** An exception in words: "in, tcp port 22, from 10.0.0.0/8". Pure. */
export function allowText({ direction, prefixes = [], ...match }: AllowGrant): string {
  const remote = prefixes.length === 0 ? [] : [`${direction === "in" ? "from" : "to"} ${prefixes.join(", ")}`];
  return [direction, ...matchTexts(match), ...remote].join(", ");
}

function matchTexts(
  { classes, destinations, sets, ports, protocol, uids }: FlowMatch,
  most = Number.POSITIVE_INFINITY,
): string[] {
  const name = protocol === undefined ? [] : [protocolName(protocol)];
  const numbers = ports === undefined ? [] : [plural("port", ports)];
  return [
    ...(classes === undefined ? [] : [classesText(classes)]),
    ...(destinations === undefined ? [] : [`to ${listed(destinations, most, "prefixes")}`]),
    ...(sets === undefined ? [] : ["to its domains"]),
    ...(name.length + numbers.length === 0 ? [] : [[...name, ...numbers].join(" ")]),
    ...(uids === undefined ? [] : [plural("user", uids)]),
  ];
}

/** All members, or of too many the first and their number: "10.0.0.0/8, 172.16.0.0/12, … (40 prefixes)". Pure. */
export function listed(members: readonly string[], most: number, plural: string): string {
  if (members.length <= most) return members.join(", ") || "(none)";
  return `${members.slice(0, SHOWN_MEMBERS).join(", ")}, … (${members.length} ${plural})`;
}

/** "port 25", "ports 80, 8000-8080". */
function plural(noun: string, ranges: readonly PortRange[]): string {
  const isOne = ranges.length === 1 && ranges[0]?.from === ranges[0]?.to;
  return `${noun}${isOne ? "" : "s"} ${ranges.map(portsText).join(", ")}`;
}

function portsText({ from, to }: PortRange): string {
  return from === to ? String(from) : `${from}-${to}`;
}

/** A path in words: "office", "direct", "office, else backup, else direct". Pure. */
export function pathText(path: PathRef): string {
  if (path.kind !== "tunnel") return path.kind;
  const others = (path.substitutes ?? []).map(({ device }) => tunnelOfDevice(device));
  return [
    tunnelOfDevice(path.device),
    ...new Set(others),
    ...(path.fallback === undefined ? [] : [path.fallback]),
  ].join(", else ");
}

/** `192.0.2.1:51820`, `[2001:db8::1]:51820`. Pure. */
export function endpointText(address: string, port: string): string {
  return address.includes(":") ? `[${address}]:${port}` : `${address}:${port}`;
}

/** A member of a list that is a rule with more destinations than this; undefined for any other. Pure. */
export function longRuleOf(member: unknown, most: number): LongRule | undefined {
  const rule = typeof member === "string" ? (recordOf(member) as Partial<FlowRule> | undefined) : undefined;
  return (rule?.match?.destinations ?? []).length > most ? (rule as LongRule) : undefined;
}

type LongRule = FlowRule & { readonly match: Required<Pick<FlowMatch, "destinations">> };

/** "rules/2 (browser)" → "browser", "rules/2" → ""; undefined for what no rule of the configuration says. */
function originName(origin: string): string | undefined {
  const found = /^rules(?:\/[0-9]+)?(?: \((.*)\))?$/.exec(origin);
  return found === null ? undefined : (found[1] ?? "");
}

function recordOf(text: string): Readonly<Record<string, unknown>> | undefined {
  if (!text.startsWith("{")) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

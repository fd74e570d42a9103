import { list, map, type Outline, scalar } from "../config-tree.ts";
import { type ImportFinding, importError, importNote, showWord } from "../import-finding.ts";
import { itemsOf, objectOf, wordOf } from "../json/json-value.ts";

type Json = Readonly<Record<string, unknown>>;

/** Where a rule or server of sing-box sends: a path of awg, or the reason why there is none. */
export type Target =
  | { readonly kind: "path"; readonly via: string }
  | { readonly kind: "dns" }
  | { readonly kind: "unknown"; readonly what: string };

export interface RuleContext {
  /** The place of the rules in findings: "sb.json: route". */
  readonly place: string;
  readonly target: (tag: string | undefined) => Target;
  /** Path of what no rule matches, for notes. */
  readonly rest: string;
}

/** Addresses that sing-box calls private, as far as they leave a host. */
const PRIVATE = [...["10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "169.254.0.0/16"], ...["fc00::/7", "fe80::/10"]];
/** Conditions that awg has; `user_id` are numbers of users. */
const CONDITIONS = [
  ...["ip_cidr", "ip_is_private", "domain", "domain_suffix", "domain_keyword"],
  ...["port", "port_range", "network", "user", "user_id", "process_name", "process_path"],
];
/** Fields that say what to do, not with what. */
const EFFECTS = ["action", "outbound", "method", "no_drop"];
/** Actions that choose no path. */
const PASSIVE = ["sniff", "resolve", "route-options"];

/**
 * The rules of sing-box's route as rules of awg, in their order. A rule with a condition that awg does not have is left
 * out with a note; a *block* rule is an error, because what it drops would pass.
 */
export function importRules(rules: unknown, context: RuleContext, findings: ImportFinding[]): Outline[] {
  return itemsOf(rules).flatMap((one, index) => {
    const rule = objectOf(one);
    const place = `${context.place}.rules[${index}]`;
    return rule === undefined ? [] : importRule(rule, place, context, findings);
  });
}

function importRule(rule: Json, place: string, context: RuleContext, findings: ImportFinding[]): Outline[] {
  const action = wordOf(rule["action"]) ?? "route";
  if (PASSIVE.includes(action)) {
    findings.push(importNote(place, `${action} is not imported: awg judges packets by their headers`));
    return [];
  }
  const target = targetOf(action, rule, context);
  if (target.kind === "dns") {
    findings.push(importNote(place, "the rule for DNS is not imported: the config's dns section replaces it"));
    return [];
  }
  const foreign = Object.keys(rule).filter((key) => ![...CONDITIONS, ...EFFECTS].includes(key) && rule[key] !== false);
  const matches = Object.keys(rule).filter((key) => CONDITIONS.includes(key));
  if (foreign.length > 0 || matches.length === 0) {
    findings.push(leftOut(rule, { place, target, foreign, rest: context.rest }));
    return [];
  }
  if (target.kind === "unknown") findings.push(importNote(place, `${target.what}, so its traffic is dropped`));
  return [outlineOf(rule, place, target.kind === "path" ? target.via : "block")];
}

function targetOf(action: string, rule: Json, { target }: RuleContext): Target {
  if (action === "reject") return { kind: "path", via: "block" };
  if (action === "hijack-dns") return { kind: "dns" };
  if (action === "direct") return { kind: "path", via: "direct" };
  if (action === "route") return target(wordOf(rule["outbound"]));
  return { kind: "unknown", what: `the action ${showWord(action) ?? "of it"} is not imported` };
}

interface LeftOut {
  readonly place: string;
  readonly target: Target;
  readonly foreign: readonly string[];
  readonly rest: string;
}

function leftOut(rule: Json, { place, target, foreign, rest }: LeftOut): ImportFinding {
  const words = foreign.map((key) => showWord(key) ?? "a condition").join(", ");
  const why = foreign.length === 0 ? "it has no condition" : `awg has no rules by ${words} yet`;
  if (target.kind === "path" && target.via === "block") {
    const open = rest === "block" ? "" : `, and what it blocks would go ${wayOf(rest)}`;
    const remedy = "remove the rule from the source, or write it with ip_cidr, domain, port, network or user";
    return importError(place, `this block is not imported: ${why}${open}`, remedy);
  }
  const rule_ =
    rule["outbound"] === undefined ? "the rule" : `the rule to ${showWord(String(rule["outbound"])) ?? "it"}`;
  return importNote(place, `${rule_} is not imported: ${why}; its traffic goes ${wayOf(rest)} or by a later rule`);
}

function wayOf(path: string): string {
  if (path === "direct") return "direct";
  return path === "block" ? "nowhere" : `through ${path}`;
}

function outlineOf(rule: Json, place: string, via: string): Outline {
  const texts = (key: string) => itemsOf(rule[key]).flatMap((one) => wordOf(one) ?? []);
  const prefixes = [...texts("ip_cidr"), ...(rule["ip_is_private"] === true ? PRIVATE : [])];
  const domain = (value: Outline) => map({ domain: value });
  const named = (key: string, text: string) => map({ [key]: scalar(text, place) });
  const destinations = [
    ...prefixes.map((one) => scalar(one, place)),
    ...texts("domain").map((one) => domain(named("exact", one))),
    // A leading dot leaves out the domain itself, which awg includes.
    ...texts("domain_suffix").map((one) => domain(scalar(one.replace(/^\./, ""), place))),
    ...texts("domain_keyword").map((one) => domain(named("keyword", one))),
  ];
  const apps = [
    ...texts("process_name").map((one) => scalar(one, place)),
    ...texts("process_path").map((one) => named("path", one)),
  ];
  const ports = [...texts("port"), ...texts("port_range").map(portRange)];
  const users = [...texts("user"), ...texts("user_id")];
  const values = (some: readonly string[]) =>
    some.length === 0 ? undefined : list(some.map((one) => scalar(numberOr(one), place)));
  return map({
    apps: apps.length === 0 ? undefined : list(apps),
    destinations: destinations.length === 0 ? undefined : list(destinations),
    protocol: values(texts("network")),
    ports: values(ports),
    users: values(users),
    via: scalar(via, place),
  });
}

/** `1000:2000`, `:2000` and `1000:`. */
function portRange(text: string): string {
  const [from = "", to = ""] = text.split(":");
  return `${from === "" ? "1" : from}-${to === "" ? "65535" : to}`;
}

function numberOr(text: string): string | number {
  return /^[0-9]{1,9}$/.test(text) ? Number(text) : text;
}

import { addressBits, renderIp } from "../../../../../src/model/ip.ts";
import { PROTOCOLS, SERVICES } from "../../pf/pf-names.ts";
import type { PfHost, PfParsedRule, PfParsedSide, PfRange } from "../../pf/pf-ruleset.ts";

const PROTOCOL_NAMES = new Map([...PROTOCOLS].map(([name, number]) => [number, name]));
const SERVICE_NAMES = new Map([...SERVICES].map(([name, number]) => [number, name]));
const [ICMP, TCP, ICMP6] = [1, 6, 58];
const ICMP6_NAMES = ["routersol", "routeradv", "neighbrsol", "neighbradv", "redir"];

/** One rule with its lists multiplied out, as the kernel holds it. */
interface SingleRule {
  readonly rule: PfParsedRule;
  readonly on: { readonly not: boolean; readonly name: string } | undefined;
  readonly family: 4 | 6 | undefined;
  readonly protocol: number | undefined;
  readonly from: SingleSide;
  readonly to: SingleSide;
  readonly user: PfRange | undefined;
  readonly icmpType: number | undefined;
}

interface SingleSide {
  readonly host: PfHost | undefined;
  readonly port: PfRange | undefined;
}

/** The rules of a ruleset in the words of `pfctl -sr` (print_rule of OpenBSD 4.3; `no state` is not printed by macOS). */
export function printRules(rules: readonly PfParsedRule[]): string[] {
  return rules.flatMap((rule) => singles(rule).map(printSingle));
}

function singles(rule: PfParsedRule): SingleRule[] {
  const found: SingleRule[] = [];
  for (const on of orNone(rule.interfaces)) {
    for (const protocol of orNone(rule.protocols)) {
      for (const icmpType of orNone(rule.options.icmp?.types)) {
        for (const from of singleSides(rule.from)) {
          for (const to of singleSides(rule.to)) {
            for (const user of orNone(rule.options.users)) {
              const families = [rule.family, from.host?.prefix?.family, to.host?.prefix?.family].filter(
                (one) => one !== undefined,
              );
              if (new Set(families).size > 1) continue;
              found.push({ rule, on, family: families[0], protocol, from, to, user, icmpType });
            }
          }
        }
      }
    }
  }
  return found;
}

function printSingle({ rule, on, family, protocol, from, to, user, icmpType }: SingleRule): string {
  const { action, anchor, direction, quick, options } = rule;
  const isPass = action === "pass";
  const keeps = isPass && options.state !== "none";
  const flags = options.flags ?? (keeps && (protocol === undefined || protocol === TCP) ? "S/SA" : undefined);
  const isEverything = [from, to].every(({ host, port }) => host === undefined && port === undefined);
  return [
    action === "anchor" ? `anchor "${anchor}"` : action === "block" ? "block drop" : "pass",
    direction,
    quick ? "quick" : undefined,
    on === undefined ? undefined : `on ${on.not ? "! " : ""}${on.name}`,
    family === undefined ? undefined : family === 4 ? "inet" : "inet6",
    protocol === undefined ? undefined : `proto ${PROTOCOL_NAMES.get(protocol) ?? protocol}`,
    isEverything ? "all" : `from ${printSide(from)} to ${printSide(to)}`,
    user === undefined ? undefined : `user ${printRange(user, new Map())}`,
    flags !== undefined && keeps ? `flags ${flags}` : undefined,
    icmpType === undefined ? undefined : printIcmp(protocol, icmpType),
    keeps ? `keep state${options.isIfBound === true ? " (if-bound)" : ""}` : undefined,
    options.isFragment === true ? "fragment" : undefined,
    options.allowsOptions === true ? "allow-opts" : undefined,
    options.label === undefined ? undefined : `label "${options.label}"`,
  ]
    .filter((word) => word !== undefined)
    .join(" ");
}

function printIcmp(protocol: number | undefined, type: number): string {
  if (protocol === ICMP6) return `icmp6-type ${ICMP6_NAMES[type - 133] ?? type}`;
  return protocol === ICMP && type === 8 ? "icmp-type echoreq" : `icmp-type ${type}`;
}

function printSide({ host, port }: SingleSide): string {
  const ports = port === undefined ? "" : ` port ${printRange(port, SERVICE_NAMES)}`;
  return `${host === undefined ? "any" : printHost(host)}${ports}`;
}

function printHost({ not, prefix, table, other }: PfHost): string {
  const sign = not ? "! " : "";
  if (prefix === undefined) return `${sign}${table === undefined ? other : `<${table}>`}`;
  const { family, address, length } = prefix;
  const whole = length === addressBits(family);
  return `${sign}${renderIp({ family, value: address })}${whole ? "" : `/${length}`}`;
}

/** An entry of a table, as `-T show` prints it. */
export function printTableEntry(host: PfHost): string {
  return `   ${printHost(host).replace("! ", "!")}`;
}

function printRange({ op, from, to }: PfRange, names: ReadonlyMap<number, string>): string {
  if (op === ":") return `${from}:${to}`;
  if (op === "><" || op === "<>") return `${from} ${op} ${to}`;
  const isNamed = (op === "=" || op === "!=") && typeof from === "number";
  return `${op} ${isNamed ? (names.get(from) ?? from) : from}`;
}

function singleSides({ hosts, ports }: PfParsedSide): SingleSide[] {
  return orNone(hosts).flatMap((host) => orNone(ports).map((port) => ({ host, port })));
}

function orNone<T>(values: readonly T[] | undefined): readonly (T | undefined)[] {
  return values === undefined || values.length === 0 ? [undefined] : values;
}

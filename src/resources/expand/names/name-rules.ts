import { canonicalJson } from "../../../model/canonical.ts";
import type { NameListener, NameRule } from "../../../model/dns/name-service.ts";
import type { ClassSet, FlowRule } from "../../../model/firewall/policy.ts";
import type { ClassifierSpec } from "../../../model/program/classifier.ts";
import type { ExpandContext } from "../expansion.ts";
import { serversByPath } from "./tunnel-servers.ts";

/** Loopback addresses of listeners for programs: 127.0.98.1 and on; 255 classes fit. */
const LISTENER_NETWORK = "127.0.98";

/** The class of sockets that the classifier did not see. */
const NO_CLASS = 0;

/** Who resolves which names: for programs without a listener, and for those with one. */
export interface NameRules {
  readonly rules: readonly NameRule[];
  readonly listeners: readonly NameListener[];
}

/**
 * The servers of names by the rules in order: a rule by domain gives its names to the servers of its tunnel, and a rule by
 * program all names of the program. Classes that are answered like programs of no rule need no listener. Pure.
 */
export function nameRules(
  context: ExpandContext,
  flows: readonly FlowRule[],
  classifier: ClassifierSpec | undefined,
): NameRules {
  const servers = serversByPath(context);
  if (servers.size === 0) return { rules: [], listeners: [] };
  const ofClass = (number: number) => rulesFor(number, flows, servers);
  const { classes: known = [] } = classifier ?? {};
  const numbers = known.length === 0 ? [] : [NO_CLASS, ...known.map(({ number }) => number)];
  const rules = ofClass(known.find(({ conditions }) => conditions.length === 0)?.number ?? NO_CLASS);
  const byRules = Map.groupBy(numbers, (number) => canonicalJson(ofClass(number)));
  const usual = canonicalJson(rules);
  const listeners = [...byRules]
    .filter(([text]) => text !== usual)
    .map(([, some], index) => {
      const classes = some.toSorted((a, b) => a - b);
      return { listen: `${LISTENER_NETWORK}.${index + 1}`, classes, rules: ofClass(classes[0] ?? NO_CLASS) };
    });
  return { rules, listeners };
}

function rulesFor(
  number: number,
  flows: readonly FlowRule[],
  servers: ReadonlyMap<number, readonly string[]>,
): readonly NameRule[] {
  const found: NameRule[] = [];
  for (const { match, path } of flows) {
    const { sets, classes, destinations, uids, ports, protocol } = match;
    if (uids !== undefined || (classes !== undefined && !holds(classes, number))) continue;
    const own = path.kind === "tunnel" ? (servers.get(path.number) ?? []) : [];
    if (sets !== undefined) found.push({ sets, servers: own });
    else if (destinations === undefined && classes !== undefined) {
      // A rule for some ports decides about names only if its path has servers.
      const isPart = ports !== undefined || protocol !== undefined;
      if (isPart && own.length === 0) continue;
      found.push({ servers: own });
      break;
    }
  }
  return withoutIdle(found);
}

/** Rules at the end that name no server of a tunnel say what holds without them. */
function withoutIdle(rules: readonly NameRule[]): readonly NameRule[] {
  const last = rules.findLastIndex(({ servers }) => servers.length > 0);
  return rules.slice(0, last + 1);
}

function holds(classes: ClassSet, number: number): boolean {
  return "in" in classes ? classes.in.includes(number) : !classes.otherThan.includes(number);
}

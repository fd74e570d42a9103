import { addressBits } from "../../model/ip.ts";
import { type Prefix, parsePrefix } from "../../model/prefix.ts";
import type { PortRange } from "../field/port.ts";
import { type AppMatcher, type Destination, MATCH_KEYS, type Match } from "../section/match.ts";
import type { Rule } from "../section/rule.ts";
import type { CheckContext } from "./check-context.ts";

/** The most pairs of rules that are compared; 2,000 rules of one kind. Beyond, the warning is left out. */
const MAX_COMPARISONS = 2_000_000;

/** Warns of rules that never match, because an earlier rule matches all of their traffic. */
export function checkShadowing(context: CheckContext): void {
  const earlier = new EarlierRules();
  let comparisons = 0;
  for (const [index, rule] of context.config.rules.entries()) {
    if (!context.isUntouched(["rules", index])) continue;
    for (const candidate of earlier.candidatesFor(rule)) {
      comparisons += 1;
      if (!coversMatch(candidate.rule, rule)) continue;
      const label = candidate.rule.name ?? `rule ${candidate.index + 1}`;
      const message = `${label} above already matches everything that this rule matches`;
      context.report("rule-shadowed", ["rules", index], message, "move this rule up, or remove it");
      break;
    }
    if (comparisons > MAX_COMPARISONS) return;
    if (hasMatch(rule) && rule.fallback.kind !== "next-rule") earlier.add({ index, rule });
  }
}

interface IndexedRule {
  readonly index: number;
  readonly rule: Rule;
}

/**
 * Earlier rules by the exact programs they name. A rule that covers another names its first program, or no exact one.
 */
class EarlierRules {
  readonly #byApp = new Map<string, IndexedRule[]>();
  readonly #others: IndexedRule[] = [];

  add(entry: IndexedRule): void {
    const apps = entry.rule.apps;
    if (apps === undefined || apps.some((app) => app.kind === "contains")) {
      this.#others.push(entry);
      return;
    }
    for (const key of new Set(apps.map(appKey))) {
      const known = this.#byApp.get(key);
      if (known === undefined) this.#byApp.set(key, [entry]);
      else known.push(entry);
    }
  }

  *candidatesFor(rule: Rule): Generator<IndexedRule> {
    const [first] = rule.apps ?? [];
    if (first !== undefined) yield* this.#byApp.get(appKey(first)) ?? [];
    yield* this.#others;
  }
}

function hasMatch(match: Match): boolean {
  return MATCH_KEYS.some((key) => match[key] !== undefined);
}

/** Whether every flow that the second matches is matched by the first. A wrong answer is only ever "no". */
export function coversMatch(outer: Match, inner: Match): boolean {
  if (outer.children === false && inner.children !== false) return false;
  return MATCH_KEYS.every(
    (key) => outer[key] === undefined || (inner[key] !== undefined && coversField(key, outer, inner)),
  );
}

function coversField(key: keyof Match, outer: Match, inner: Match): boolean {
  switch (key) {
    case "apps":
    case "parent":
      return every(inner[key], (app) => some(outer[key], (wider) => coversApp(wider, app)));
    case "destinations":
      return every(inner.destinations, (one) => coversDestination(outer.destinations ?? [], one));
    case "ports":
      return every(inner.ports, (range) => coversPorts(outer.ports ?? [], range));
    case "users":
    case "cgroups":
    case "commandLine":
    case "protocol":
      return every<string>(inner[key], (value) => some<string>(outer[key], (wider) => wider === value));
    default:
      return JSON.stringify(outer[key]) === JSON.stringify(inner[key]);
  }
}

function every<T>(values: readonly T[] | undefined, holds: (value: T) => boolean): boolean {
  return (values ?? []).every(holds);
}

function some<T>(values: readonly T[] | undefined, holds: (value: T) => boolean): boolean {
  return (values ?? []).some(holds);
}

function appKey(app: AppMatcher): string {
  return JSON.stringify(app);
}

function coversApp(outer: AppMatcher, inner: AppMatcher): boolean {
  if (outer.kind !== "contains") return appKey(outer) === appKey(inner);
  if (inner.kind === "name") return inner.name.includes(outer.contains);
  return inner.kind === "contains" && inner.contains.includes(outer.contains);
}

/** The prefixes of one list by family and length, each as its first bits. */
class PrefixIndex {
  readonly #groups = new Map<string, { readonly shape: Omit<Prefix, "address">; readonly starts: Set<bigint> }>();

  constructor(destinations: readonly Destination[]) {
    for (const destination of destinations) {
      const prefix = destination.kind === "prefix" ? parsePrefix(destination.prefix) : undefined;
      if (prefix === undefined) continue;
      const { family, length } = prefix;
      const key = `${family}/${length}`;
      const group = this.#groups.get(key) ?? { shape: { family, length }, starts: new Set() };
      this.#groups.set(key, group);
      group.starts.add(startOf(prefix, length));
    }
  }

  /** Whether one of them contains the prefix. */
  contains(prefix: Prefix): boolean {
    for (const { shape, starts } of this.#groups.values()) {
      const isWider = shape.family === prefix.family && shape.length <= prefix.length;
      if (isWider && starts.has(startOf(prefix, shape.length))) return true;
    }
    return false;
  }
}

function startOf({ family, address }: Prefix, length: number): bigint {
  return address >> BigInt(addressBits(family) - length);
}

const INDEXES = new WeakMap<readonly Destination[], PrefixIndex>();

function indexOf(destinations: readonly Destination[]): PrefixIndex {
  const index = INDEXES.get(destinations) ?? new PrefixIndex(destinations);
  INDEXES.set(destinations, index);
  return index;
}

function coversDestination(outer: readonly Destination[], inner: Destination): boolean {
  if (inner.kind === "prefix") {
    const narrower = parsePrefix(inner.prefix);
    return narrower !== undefined && indexOf(outer).contains(narrower);
  }
  if (inner.kind === "domain") return outer.some((one) => one.kind === "domain" && coversDomain(one, inner));
  const text = JSON.stringify(inner);
  return outer.some((one) => JSON.stringify(one) === text);
}

type DomainDestination = Destination & { kind: "domain" };

function coversDomain(outer: DomainDestination, inner: DomainDestination): boolean {
  if (outer.match === "keyword") return inner.domain.includes(outer.domain);
  if (inner.match === "keyword" || (outer.match === "exact" && inner.match === "suffix")) return false;
  return inner.domain === outer.domain || (outer.match === "suffix" && inner.domain.endsWith(`.${outer.domain}`));
}

/** Ranges may be adjacent: 1-10 and 11-20 cover 5-15. */
function coversPorts(outer: readonly PortRange[], { from, to }: PortRange): boolean {
  let next = from;
  for (const range of [...outer].sort((a, b) => a.from - b.from)) {
    if (range.from <= next && range.to >= next) next = range.to + 1;
  }
  return next > to;
}

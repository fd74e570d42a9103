import type { FirewallPolicy, PathRef, Steering } from "./policy.ts";

const known = new WeakMap<FirewallPolicy, Map<string, FirewallPolicy>>();

/**
 * The policy while the fallback of these paths is in force (rule S4.9): rules and defaults that lead to one of them with
 * `fallback: direct` go directly. The same arguments give the same object. Pure.
 *
 * @param numbers path numbers of tunnels that are down
 */
export function withFallback(policy: FirewallPolicy, numbers: readonly number[]): FirewallPolicy {
  const name = numbers.toSorted((a, b) => a - b).join();
  if (name === "") return policy;
  const byNumbers = known.get(policy) ?? new Map<string, FirewallPolicy>();
  known.set(policy, byNumbers);
  const found = byNumbers.get(name) ?? {
    steering: fallenBack(policy.steering, numbers),
    layers: policy.layers.map((layer) => ({ ...layer, flows: fallenBack(layer.flows, numbers) })),
  };
  byNumbers.set(name, found);
  return found;
}

/** Path numbers of tunnels with flows that go directly while the tunnel is down, ascending. Pure. */
export function fallbackPaths({ steering, layers }: FirewallPolicy): readonly number[] {
  const paths = [steering, ...layers.map(({ flows }) => flows)].flatMap(({ rules, default: rest }) => [
    ...rules.map(({ path }) => path),
    rest,
  ]);
  const numbers = paths.flatMap((path) => (path.kind === "tunnel" && path.fallback === "direct" ? [path.number] : []));
  return [...new Set(numbers)].toSorted((a, b) => a - b);
}

/** The rules, by their place in the configuration, that go directly while these paths are down. Pure. */
export function fallenBackOrigins({ steering }: FirewallPolicy, numbers: readonly number[]): readonly string[] {
  const origins = steering.rules.filter(({ path }) => fallsBack(path, numbers)).map(({ origin }) => origin);
  return [...new Set([...origins, ...(fallsBack(steering.default, numbers) ? ["default"] : [])])];
}

function fallenBack({ rules, default: rest }: Steering, numbers: readonly number[]): Steering {
  const pathOf = (path: PathRef): PathRef => (fallsBack(path, numbers) ? { kind: "direct" } : path);
  return { rules: rules.map((rule) => ({ ...rule, path: pathOf(rule.path) })), default: pathOf(rest) };
}

function fallsBack(path: PathRef, numbers: readonly number[]): boolean {
  return path.kind === "tunnel" && path.fallback === "direct" && numbers.includes(path.number);
}

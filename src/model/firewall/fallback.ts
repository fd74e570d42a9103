import { PATH_NUMBERS } from "../ownership.ts";
import type { FirewallPolicy, FlowRule, PathRef, PathSwitch, PolicyLayer, Steering, Substitute } from "./policy.ts";

type TunnelPath = Extract<PathRef, { kind: "tunnel" }>;

const DIRECT: PathRef = { kind: "direct" };
const known = new WeakMap<FirewallPolicy, Map<string, FirewallPolicy>>();

/**
 * The policy while these switches are in force (rule S4.9). A flow takes the first path of its rule's list with a switch
 * in force. The same arguments give the same object. Pure.
 */
export function withFallback(policy: FirewallPolicy, switches: readonly PathSwitch[]): FirewallPolicy {
  const name = switches.map(switchName).toSorted().join();
  if (name === "") return policy;
  const byName = known.get(policy) ?? new Map<string, FirewallPolicy>();
  known.set(policy, byName);
  const inForce = new Set(switches.map(switchName));
  const found = byName.get(name) ?? {
    steering: switchedFlows(policy.steering, inForce),
    layers: policy.layers.map((layer) => switchedLayer(layer, inForce)),
  };
  byName.set(name, found);
  return found;
}

/** Every switch that some flow of the policy can take, ascending by path, each once. Pure. */
export function fallbackSwitches({ steering, layers }: FirewallPolicy): readonly PathSwitch[] {
  const paths = [
    ...[steering, ...layers.map(({ flows }) => flows)].flatMap(({ rules, default: rest }) => [
      ...rules.map(({ path }) => path),
      rest,
    ]),
    ...layers.flatMap(({ dns }) => (dns === null ? [] : [dns.path])),
  ];
  const switches = paths.flatMap((path) => (path.kind === "tunnel" ? switchesOf(path) : []));
  const distinct = new Map(switches.map((one) => [switchName(one), one]));
  return [...distinct.values()].toSorted((a, b) => a.path - b.path || a.to - b.to);
}

/** The switches of one path in their order: its substitutes, then direct. Pure. */
export function switchesOf({ number, substitutes = [], fallback }: TunnelPath): readonly PathSwitch[] {
  const numbers = substitutes.map((one) => one.number);
  return [...new Set([...numbers, ...(fallback === undefined ? [] : [PATH_NUMBERS.direct])])].map((to) => ({
    path: number,
    to,
  }));
}

/**
 * The paths that all flows of a path can take instead, each with its switch: its substitutes in their order, then
 * direct. Pure.
 */
export function alternativePaths(path: PathRef): readonly { readonly path: PathRef; readonly while: PathSwitch }[] {
  if (path.kind !== "tunnel") return [];
  const { number, substitutes = [], fallback } = path;
  const direct = { path: DIRECT, while: { path: number, to: PATH_NUMBERS.direct } };
  return [
    ...substitutes
      .filter(({ match }) => match === undefined)
      .map((one) => ({ path: pathOfSubstitute(one), while: { path: number, to: one.number } })),
    ...(fallback === undefined ? [] : [direct]),
  ];
}

/** The rules, by their place in the configuration, with flows that take this switch; "dns" for its servers. Pure. */
export function switchedOrigins({ steering, layers }: FirewallPolicy, one: PathSwitch): readonly string[] {
  const takes = (path: PathRef | undefined): boolean =>
    path?.kind === "tunnel" && switchesOf(path).some((other) => switchName(other) === switchName(one));
  const origins = steering.rules.filter(({ path }) => takes(path)).map(({ origin }) => origin);
  return [
    ...new Set([
      ...origins,
      ...(takes(steering.default) ? ["default"] : []),
      ...(layers.some(({ dns }) => takes(dns?.path)) ? ["dns"] : []),
    ]),
  ];
}

/** The switch as text: "1>2". Pure. */
export function switchName({ path, to }: PathSwitch): string {
  return `${path}>${to}`;
}

function switchedLayer(layer: PolicyLayer, inForce: ReadonlySet<string>): PolicyLayer {
  const { flows, dns } = layer;
  return {
    ...layer,
    flows: switchedFlows(flows, inForce),
    dns: dns === null ? null : { ...dns, path: switchedPath(dns.path, inForce) },
  };
}

function switchedFlows({ rules, default: rest }: Steering, inForce: ReadonlySet<string>): Steering {
  return { rules: rules.flatMap((rule) => switchedRules(rule, inForce)), default: switchedPath(rest, inForce) };
}

/** A substitute for a part of the rule's flows comes before the rule; one for all of them replaces it. */
function switchedRules(rule: FlowRule, inForce: ReadonlySet<string>): FlowRule[] {
  const { path } = rule;
  if (path.kind !== "tunnel") return [rule];
  const taken = substitutesInForce(path, inForce);
  const ofAll = taken.findIndex(({ match }) => match === undefined);
  const parts = (ofAll < 0 ? taken : taken.slice(0, ofAll)).map((one) => ({
    ...rule,
    match: one.match ?? rule.match,
    path: pathOfSubstitute(one),
  }));
  return [...parts, { ...rule, path: switchedPath(path, inForce) }];
}

function switchedPath(path: PathRef, inForce: ReadonlySet<string>): PathRef {
  if (path.kind !== "tunnel") return path;
  const substitute = substitutesInForce(path, inForce).find(({ match }) => match === undefined);
  if (substitute !== undefined) return pathOfSubstitute(substitute);
  const isDirect = inForce.has(switchName({ path: path.number, to: PATH_NUMBERS.direct }));
  return path.fallback === "direct" && isDirect ? DIRECT : path;
}

function substitutesInForce({ number, substitutes = [] }: TunnelPath, inForce: ReadonlySet<string>): Substitute[] {
  return substitutes.filter((one) => inForce.has(switchName({ path: number, to: one.number })));
}

/** The name of each path's device by its number, also of proxies' and of what only stands in. Pure. */
export function devicesByNumber({ steering, layers }: FirewallPolicy): ReadonlyMap<number, string> {
  const flows = [steering, ...layers.map((layer) => layer.flows)];
  const paths = [
    ...flows.flatMap(({ rules, default: rest }) => [...rules.map(({ path }) => path), rest]),
    ...layers.flatMap(({ dns }) => (dns === null ? [] : [dns.path])),
  ];
  const named = paths.flatMap((path) => (path.kind === "tunnel" ? [path, ...(path.substitutes ?? [])] : []));
  const tunnels = layers.flatMap((layer) => layer.tunnels);
  return new Map([...named, ...tunnels].map(({ number, device }) => [number, device]));
}

/** The path by a substitute: nothing stands in for it in turn. Pure. */
export function pathOfSubstitute({ device, number }: Substitute): TunnelPath {
  return { kind: "tunnel", device, number };
}

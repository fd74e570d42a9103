import { LINK_SCOPED_PREFIXES } from "../../model/firewall/link-traffic.ts";
import { LOOPBACK_DEVICE, type Packet } from "../../model/firewall/packet.ts";
import type { FirewallPolicy, PathRef, PolicyLayer } from "../../model/firewall/policy.ts";
import type { Family } from "../../model/ip.ts";
import { ENGINE_MARK, MARK_MASK, PATH_NUMBERS } from "../../model/ownership.ts";
import { steeringOfFrames } from "../../model/program/class-rules.ts";
import { addressIn, FROM, TO } from "../space/conditions.ts";
import { ALWAYS, all, any, deviceIn, type Formula, markIs, NEVER, not, trackedAs } from "../space/packet-fields.ts";
import { linkIn, linkOut, redirect, restMissing, routerAdvert, tooBig } from "./link-formula.ts";
import { allowIn, allowInAnswer, isEngineUser, ownIn, ownOut, pathFormula, relayed } from "./path-formula.ts";

const isAnswer = trackedAs("answer", "related-answer");
const isRelated = trackedAs("related", "related-answer");

/** The packet has one of awg's marks, so the hooks of the IP stack have judged it (S9.3). */
export const CARRIES_MARK = not(markIs(MARK_MASK, 0));

/**
 * The packets of one hook that a policy accepts, as a condition.
 *
 * This is docs/reference/security for sets of packets; `firewall/evaluate.ts` is the same for single packets. A test
 * compares the two.
 */
export function grantedBy(
  given: FirewallPolicy,
  hook: Packet["hook"],
  family: Family,
  { frames = false }: { readonly frames?: boolean } = {},
): Formula {
  const policy = frames ? policyOfFrames(given) : given;
  const tunnels = policy.layers.flatMap((layer) => layer.tunnels);
  const devices = tunnels.map(({ device }) => device);
  const addresses = tunnels.flatMap((tunnel) => tunnel.addresses);
  const outPhysical = not(deviceIn("out", devices));
  const inPhysical = not(deviceIn("in", devices));
  const layers = all(...policy.layers.map((layer) => layerGrants(layer, devices, hook, family)));
  const asTunnel = all(inPhysical, addressIn("source", family, addresses));
  if (hook === "input") {
    const toTunnel = all(inPhysical, addressIn("destination", family, addresses));
    const loopback = deviceIn("in", [LOOPBACK_DEVICE]);
    return any(loopback, all(not(toTunnel), not(asTunnel), any(all(inPhysical, linkIn(family)), layers)));
  }
  const fromTunnel = all(outPhysical, addressIn("source", family, addresses));
  const isGuarded = policy.layers.some(({ killSwitch }) => killSwitch);
  const timeouts = isGuarded ? all(outPhysical, restMissing(family)) : NEVER;
  if (hook === "forward") return all(not(fromTunnel), not(asTunnel), not(timeouts), layers);
  const link = all(outPhysical, linkOut(family));
  return any(deviceIn("out", [LOOPBACK_DEVICE]), all(not(fromTunnel), not(timeouts), any(link, layers)));
}

const frameMeanings = new WeakMap<FirewallPolicy, FirewallPolicy>();

/** What the policy says of raw frames. */
function policyOfFrames(policy: FirewallPolicy): FirewallPolicy {
  const known = frameMeanings.get(policy) ?? {
    steering: policy.steering,
    layers: policy.layers.map((layer) => ({ ...layer, flows: steeringOfFrames(layer.flows) })),
  };
  frameMeanings.set(policy, known);
  return known;
}

/** The parts of steering that are the same for all paths. */
interface SteeringParts {
  readonly link: Formula;
  readonly own: Formula;
  readonly engine: Formula;
}

const knownParts = new WeakMap<FirewallPolicy, Map<Family, SteeringParts>>();

function steeringParts(policy: FirewallPolicy, family: Family): SteeringParts {
  const known = knownParts.get(policy) ?? new Map<Family, SteeringParts>();
  knownParts.set(policy, known);
  const layer = policy.layers.at(-1);
  const parts = known.get(family) ?? {
    link: linkOut(family),
    own: layer === undefined ? NEVER : ownOut(layer, family),
    engine:
      layer === undefined
        ? NEVER
        : any(all(isEngineUser(layer), markIs(MARK_MASK, ENGINE_MARK)), relayed(layer, family)),
  };
  known.set(family, parts);
  return parts;
}

/** The locally generated packets with a wanted path after steering (S4). */
function steeredTo(policy: FirewallPolicy, family: Family, isWanted: (path: PathRef) => boolean): Formula {
  const layer = policy.layers.at(-1);
  const { link, own } = steeringParts(policy, family);
  // Answers return by their tunnel. Adjacent tunnels with the same result share one condition.
  const back: { isWanted: boolean; addresses: string[] }[] = [];
  for (const { device, number, addresses } of layer?.tunnels ?? []) {
    const wanted = isWanted({ kind: "tunnel", device, number });
    const last = back.at(-1);
    if (last?.isWanted === wanted) last.addresses.push(...addresses);
    else back.push({ isWanted: wanted, addresses: [...addresses] });
  }
  const answers = back.map((one) => ({
    when: all(isAnswer, addressIn("source", family, one.addresses)),
    yields: constant(one.isWanted),
  }));
  const direct = constant(isWanted({ kind: "direct" }));
  const flows = pathFormula({
    family,
    steering: policy.steering,
    layer: layer ?? { dns: null, allow: [], allowLan: false },
    sides: TO,
    tunnelDevices: policy.layers.flatMap(({ tunnels }) => tunnels.map(({ device }) => device)),
    isWanted: ({ path }) => constant(isWanted(path)),
  });
  return {
    kind: "first",
    cases: [{ when: any(link, own), yields: direct }, ...answers, { when: isAnswer, yields: direct }],
    otherwise: flows,
  };
}

/**
 * The locally generated packets with a path's number in their mark after steering; 0 is link traffic (S4.8).
 * Loopback is left out.
 */
export function markedFor(policy: FirewallPolicy, family: Family, number: number): Formula {
  const { link, engine } = steeringParts(policy, family);
  const linkScoped = addressIn("destination", family, LINK_SCOPED_PREFIXES);
  const direct = steeredTo(policy, family, (path) => path.kind === "direct");
  const plain = all(not(link), not(engine));
  switch (number) {
    case 0:
      return any(link, all(plain, linkScoped, direct));
    case PATH_NUMBERS.engine:
      return all(not(link), engine);
    case PATH_NUMBERS.direct:
      return all(plain, not(linkScoped), direct);
    default: {
      const isPath = (path: PathRef) =>
        path.kind === "tunnel" ? path.number === number : path.kind === "block" && number === PATH_NUMBERS.block;
      return all(plain, steeredTo(policy, family, isPath));
    }
  }
}

function layerGrants(
  layer: PolicyLayer,
  tunnelDevices: readonly string[],
  hook: Packet["hook"],
  family: Family,
): Formula {
  if (!layer.killSwitch) return withoutKillSwitch(layer, tunnelDevices, hook, family);
  if (hook === "output") return outputGrants(layer, tunnelDevices, family);
  return hook === "input" ? inputGrants(layer, tunnelDevices, family) : forwardGrants(layer, tunnelDevices, family);
}

/** S8. */
function withoutKillSwitch(
  layer: PolicyLayer,
  tunnelDevices: readonly string[],
  hook: Packet["hook"],
  family: Family,
): Formula {
  if (hook === "input") return ALWAYS;
  const byPath = pathFormula({
    family,
    steering: layer.flows,
    layer,
    sides: TO,
    tunnelDevices,
    isWanted: ({ path, isDeclaredDns }) => {
      if (path.kind === "block") return NEVER;
      return isDeclaredDns ? onDeviceOf(layer, path, tunnelDevices, family) : ALWAYS;
    },
  });
  if (hook === "forward") return byPath;
  return any(all(not(deviceIn("out", tunnelDevices)), ownOut(layer, family)), byPath);
}

/** S3 and S5. */
function outputGrants(layer: PolicyLayer, tunnelDevices: readonly string[], family: Family): Formula {
  const answers = layer.tunnels.map(({ device, addresses }) =>
    all(deviceIn("out", [device]), isAnswer, addressIn("source", family, addresses)),
  );
  const physical = not(deviceIn("out", tunnelDevices));
  const exceptions = all(physical, any(ownOut(layer, family), all(isAnswer, allowInAnswer(layer, family))));
  return any(...answers, exceptions, onItsDevice(layer, tunnelDevices, family));
}

/** S6. */
function inputGrants(layer: PolicyLayer, tunnelDevices: readonly string[], family: Family): Formula {
  const byTunnel = layer.tunnels.map(({ device, addresses }) =>
    all(deviceIn("in", [device]), not(routerAdvert(family)), addressIn("destination", family, addresses)),
  );
  const answersDirectly = pathFormula({
    family,
    steering: layer.flows,
    layer,
    sides: FROM,
    tunnelDevices,
    isWanted: ({ path }) => constant(path.kind === "direct"),
  });
  const physical = all(
    not(deviceIn("in", tunnelDevices)),
    any(ownIn(layer, family), allowIn(layer, family), isAnswer, all(isRelated, tooBig(family)), answersDirectly),
  );
  return all(not(redirect(family)), any(...byTunnel, physical));
}

/** S7. */
function forwardGrants(layer: PolicyLayer, tunnelDevices: readonly string[], family: Family): Formula {
  const toTunnel = deviceIn("out", tunnelDevices);
  const fromTunnel = deviceIn("in", tunnelDevices);
  const answers = all(
    isAnswer,
    not(toTunnel),
    deviceIn(
      "in",
      layer.tunnels.map(({ device }) => device),
    ),
  );
  const mayLeave = layer.flows.default.kind === "direct" ? ALWAYS : toTunnel;
  return any(answers, all(not(fromTunnel), mayLeave, onItsDevice(layer, tunnelDevices, family)));
}

/** S5.1, S5.3: the packet's device is the device of its path. */
function onItsDevice(layer: PolicyLayer, tunnelDevices: readonly string[], family: Family): Formula {
  return pathFormula({
    family,
    steering: layer.flows,
    layer,
    sides: TO,
    tunnelDevices,
    isWanted: ({ path }) => onDeviceOf(layer, path, tunnelDevices, family),
  });
}

function onDeviceOf(layer: PolicyLayer, path: PathRef, tunnelDevices: readonly string[], family: Family): Formula {
  if (path.kind === "block") return NEVER;
  if (path.kind === "direct") return not(deviceIn("out", tunnelDevices));
  const carries = layer.tunnels.some(({ device, families }) => device === path.device && families.includes(family));
  return carries ? deviceIn("out", [path.device]) : NEVER;
}

function constant(value: boolean): Formula {
  return value ? ALWAYS : NEVER;
}

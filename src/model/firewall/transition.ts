import { canonicalJson, sameData } from "../canonical.ts";
import { engineUids, type FirewallPolicy, type PolicyLayer } from "./policy.ts";

/**
 * The policy to hold while routes and rules change from `before` to `after` (docs/security.md S10): a packet must be
 * accepted by the layers of both, and the endpoints, listening ports and bootstrap servers of both stay open to our own
 * sockets in every layer, so that either state's tunnels can shake hands. null stands for "no policy". An exception is
 * not handed to another engine's user: where users change, tunnels wait until the change is done.
 *
 * Steering is the new one. Path numbers may change their meaning while routes move, so a mark can lead to the wrong
 * device for a moment; the layers judge by flow and device, never by mark, and drop it there.
 */
export function between(before: FirewallPolicy | null, after: FirewallPolicy | null): FirewallPolicy | null {
  if (before === null || after === null) return after ?? before;
  const layers = distinct([...before.layers, ...after.layers]);
  const open = (layer: PolicyLayer): PolicyLayer => {
    const sameUser = layers.filter((other) => sameData(engineUids(other), engineUids(layer)));
    return {
      ...layer,
      endpoints: distinct(sameUser.flatMap(({ endpoints }) => endpoints)),
      listens: distinct(sameUser.flatMap(({ listens }) => listens)),
      bootstrapDns: distinct(sameUser.flatMap(({ bootstrapDns }) => bootstrapDns)),
    };
  };
  return { steering: after.steering, layers: distinct(layers.map(open)) };
}

/** Nothing passes but loopback, DHCP and NDP (S1.4): the state where neither the old nor the new could be reached. */
export function blockedPolicy(): FirewallPolicy {
  const flows = { rules: [], default: { kind: "block" } } as const;
  const layer: PolicyLayer = {
    killSwitch: true,
    tunnels: [],
    flows,
    endpoints: [],
    listens: [],
    bootstrapDns: [],
    serviceUid: 0,
    allowLan: false,
    allow: [],
    dns: null,
  };
  return { steering: flows, layers: [layer] };
}

/** Values without repetition, in order of their last appearance, so that the newest layer stays last. */
function distinct<T>(values: readonly T[]): T[] {
  const byText = new Map<string, T>();
  for (const value of values) {
    const text = canonicalJson(value);
    byText.delete(text);
    byText.set(text, value);
  }
  return [...byText.values()];
}

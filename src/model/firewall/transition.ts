import { canonicalJson, sameData } from "../canonical.ts";
import { engineUids, type FirewallPolicy, type PolicyLayer } from "./policy.ts";

/**
 * The policy in force while routes and rules change from `before` to `after` (chapter S10). The layers of both must accept a
 * packet. Endpoints, listening ports and bootstrap servers of both stay open to awg's sockets, so that the tunnels of either
 * state can make handshakes. null means "no policy". A grant is not given to another engine user: if users change, tunnels
 * wait until the change is done.
 *
 * Steering is the new one. Path numbers may change their meaning while routes change, so a mark can lead to a wrong device for
 * a moment. The layers judge by flow and device, never by mark, and drop such a packet.
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
  // A program that had names of its own gets none from another path meanwhile.
  const { names = before.names } = after;
  return { steering: after.steering, layers: distinct(layers.map(open)), ...(names === undefined ? {} : { names }) };
}

/** The policy *blocked* (S1.4): only loopback, DHCP and NDP pass. */
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

/** Distinct values in the order of their last appearance, so that the newest layer stays last. */
function distinct<T>(values: readonly T[]): T[] {
  const byText = new Map<string, T>();
  for (const value of values) {
    const text = canonicalJson(value);
    byText.delete(text);
    byText.set(text, value);
  }
  return [...byText.values()];
}

import type { FirewallPolicy, PathRef, PolicyLayer, PolicyTunnel } from "../../../src/model/firewall/policy.ts";

export const OFFICE: PathRef = { kind: "tunnel", device: "awg-office", number: 1 };
export const PROXY: PathRef = { kind: "tunnel", device: "awg-proxy", number: 2 };
export const DIRECT: PathRef = { kind: "direct" };
export const BLOCK: PathRef = { kind: "block" };
export const SERVICE_UID = 977;

export const OFFICE_TUNNEL: PolicyTunnel = {
  device: "awg-office",
  number: 1,
  addresses: ["10.8.0.2", "fd00:8::2"],
  families: [4, 6],
};
export const PROXY_TUNNEL: PolicyTunnel = { device: "awg-proxy", number: 2, addresses: ["10.9.0.2"], families: [4] };

/** A layer with the kill switch on and nothing granted, changed as told. */
export function layerOf(changes: Partial<PolicyLayer>): PolicyLayer {
  return {
    killSwitch: true,
    tunnels: [OFFICE_TUNNEL],
    flows: { rules: [], default: OFFICE },
    endpoints: [{ address: "192.0.2.1", port: 51820, protocol: 17 }],
    listens: [],
    bootstrapDns: [],
    serviceUid: SERVICE_UID,
    allowLan: false,
    allow: [],
    dns: null,
    ...changes,
  };
}

/** A policy of one layer, steered as the layer says. */
export function policyOf(changes: Partial<PolicyLayer>): FirewallPolicy {
  const layer = layerOf(changes);
  return { steering: layer.flows, layers: [layer] };
}

/** The policy of a laptop: everything by the tunnel, with each kind of exception and rule once. */
export const LAPTOP: FirewallPolicy = policyOf({
  tunnels: [OFFICE_TUNNEL, PROXY_TUNNEL],
  flows: {
    rules: [
      { origin: "rules/0 (backup)", match: { uids: [{ from: 1500, to: 1599 }] }, path: BLOCK },
      {
        origin: "rules/1 (mirror)",
        match: {
          destinations: ["198.51.100.0/24", "203.0.113.0/25", "2001:db8:1::/48"],
          protocol: 6,
          ports: [
            { from: 80, to: 80 },
            { from: 8000, to: 8999 },
          ],
        },
        path: DIRECT,
      },
      { origin: "rules/2 (games)", match: { ports: [{ from: 27000, to: 27100 }] }, path: PROXY },
    ],
    default: OFFICE,
  },
  endpoints: [
    { address: "192.0.2.1", port: 51820, protocol: 17 },
    { address: "2001:db8::1", port: 443, protocol: 6 },
  ],
  listens: [{ port: 51821 }],
  bootstrapDns: ["192.0.2.53"],
  allowLan: true,
  allow: [
    { direction: "in", protocol: 6, ports: [{ from: 22, to: 22 }] },
    { direction: "out", protocol: 17, ports: [{ from: 123, to: 123 }], prefixes: ["192.0.2.123/32"] },
  ],
  dns: { leakProtection: true, servers: ["10.8.0.1", "fd00:8::1"], path: OFFICE, blockEncrypted: true },
});

/** The laptop's policy without its rule that names users: verdicts are remembered under it (S5.6). */
export const UNNAMED: FirewallPolicy = policyOf({
  ...LAPTOP.layers[0],
  flows: { ...LAPTOP.steering, rules: LAPTOP.steering.rules.filter(({ match }) => match.uids === undefined) },
});

/** The same policy on a machine with many tunnels: path numbers whose marks use the mark's highest bits. */
export function withHighNumbers(policy: FirewallPolicy): FirewallPolicy {
  const text = JSON.stringify(policy).replaceAll(
    /"number":([12])\b/g,
    (_all, n) => `"number":${n === "1" ? 128 : 253}`,
  );
  return JSON.parse(text) as FirewallPolicy;
}

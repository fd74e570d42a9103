import { devicePointer } from "./lifecycle.ts";

/**
 * Fields that a config may leave to other programs, by resource. All other fields keep traffic on its granted path
 * (packet filter, policy rules, guards, marks, keys, devices) and are always restored (law 1).
 */
const OF_TUNNEL: readonly { readonly kind: string; readonly fields: readonly string[] }[] = [
  { kind: "link", fields: ["addresses", "mtuBytes"] },
  { kind: "tunnel", fields: ["listenPort"] },
  { kind: "routes", fields: ["destinations"] },
];
const OF_PEER: readonly string[] = ["endpoint", "allowedIPs", "persistentKeepaliveSeconds", "leastKeepaliveSeconds"];
const OF_MACHINE: readonly string[] = [
  "/resolver/machine/servers",
  "/resolver/machine/search",
  "/sysctl/machine/values/net.ipv4.conf.all.rp_filter",
  "/sysctl/machine/values/net.ipv4.conf.all.src_valid_mark",
];

/** Every pointer that `lifecycle.ignore` accepts, given the number of peers of each tunnel. Pure. */
export function ignorablePointers(peersOf: Readonly<Record<string, number>>): readonly string[] {
  const tunnels = Object.entries(peersOf).flatMap(([name, peers]) => [
    ...OF_TUNNEL.flatMap(({ kind, fields }) => fields.map((field) => `/${kind}/${name}/${field}`)),
    ...Array.from({ length: peers }, (_, index) =>
      OF_PEER.map((field) => `/tunnel/${name}/peers/${index}/${field}`),
    ).flat(),
  ]);
  return [...tunnels, ...OF_MACHINE];
}

/** The answer when another program holds or changes a field: restore it, leave it, or take it over with its holder. */
type ConflictAnswer = "assert" | "yield" | "adopt";

/** The pointers that `conflicts` accepts with each answer, given the number of peers of each tunnel. Pure. */
export function conflictPointers(peersOf: Readonly<Record<string, number>>): Record<ConflictAnswer, readonly string[]> {
  const yielding = ignorablePointers(peersOf);
  const adopting = Object.keys(peersOf).map(devicePointer);
  return { assert: [...yielding, ...adopting], yield: yielding, adopt: adopting };
}

import { devicePointer } from "./lifecycle.ts";

/**
 * Fields that a config may leave to others, by the resource they belong to. What is not here keeps traffic where it is
 * granted (the packet filter, policy rules, guards, marks, keys, devices) and is put back whoever changed it (law 1).
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

/** Every pointer that `lifecycle.ignore` takes, given how many peers each tunnel has. Pure. */
export function ignorablePointers(peersOf: Readonly<Record<string, number>>): readonly string[] {
  const tunnels = Object.entries(peersOf).flatMap(([name, peers]) => [
    ...OF_TUNNEL.flatMap(({ kind, fields }) => fields.map((field) => `/${kind}/${name}/${field}`)),
    ...Array.from({ length: peers }, (_, index) =>
      OF_PEER.map((field) => `/tunnel/${name}/peers/${index}/${field}`),
    ).flat(),
  ]);
  return [...tunnels, ...OF_MACHINE];
}

/** What is done where another program holds or changes a field: put back, left as it is, or taken over with its holder. */
type ConflictAnswer = "assert" | "yield" | "adopt";

/** The pointers that `conflicts` takes with each answer, given how many peers each tunnel has. Pure. */
export function conflictPointers(peersOf: Readonly<Record<string, number>>): Record<ConflictAnswer, readonly string[]> {
  const yielding = ignorablePointers(peersOf);
  const adopting = Object.keys(peersOf).map(devicePointer);
  return { assert: [...yielding, ...adopting], yield: yielding, adopt: adopting };
}

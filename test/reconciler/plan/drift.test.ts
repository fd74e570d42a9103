import { describe, expect, test } from "vitest";
import type { Observed, ResourceKey, ResourceKind } from "../../../src/model/resource.ts";
import type { LinkSpec } from "../../../src/model/resources/link.ts";
import type { ResolverSpec } from "../../../src/model/resources/resolver.ts";
import type { TunnelObserved, TunnelSpec } from "../../../src/model/resources/tunnel.ts";
import type { SecretId } from "../../../src/model/secret.ts";
import { type Drift, driftOf } from "../../../src/reconciler/plan/drift.ts";
import type { Ledger, LedgerEntry } from "../../../src/reconciler/plan/ledger.ts";
import type { Observation } from "../../../src/reconciler/plan/observation.ts";
import { driverRegistry } from "../../../src/resources/registry.ts";

const LINK: LinkSpec = { device: "awg-a", type: "tun", addresses: ["10.9.0.2/32"], mtuBytes: 1400, tunnel: "a" };
const link = { ...LINK, index: 4, up: true, held: true };
const TUNNEL: TunnelSpec = {
  device: "awg-a",
  protocol: "wireguard",
  engine: "userspace",
  privateKey: "1".repeat(64) as SecretId,
  listenPort: 0,
  fwmark: 1,
  peers: [{ publicKey: "A", endpoint: "192.0.2.1:1", allowedIPs: ["0.0.0.0/0"], persistentKeepaliveSeconds: 0 }],
  obfuscation: {},
};
const tunnel: TunnelObserved = {
  ...TUNNEL,
  running: true,
  peers: TUNNEL.peers.map((peer) => ({ ...peer, lastHandshakeSeconds: 9, receivedBytes: 1, sentBytes: 1 })),
};
const RESOLVER: ResolverSpec = { method: "file", servers: ["10.9.0.1"], search: [], device: "" };
const resolver = { ...RESOLVER, ownedByAwg: true };

const entries: readonly LedgerEntry[] = [
  { kind: "link", key: "link/a", spec: LINK, original: null },
  { kind: "resolver", key: "resolver/machine", spec: RESOLVER, original: null },
  { kind: "tunnel", key: "tunnel/a", spec: TUNNEL, original: null },
];

/** "key change cause" of what drifted when the machine holds this. */
function drifts(found: Found, options: Options = {}): readonly string[] {
  return drifted(found, options).map(({ key, change, cause }) => `${key} ${change} ${cause}`);
}

type Found = Readonly<Partial<Record<ResourceKey, Observed>>>;
type Options = { readonly ledger?: Ledger; readonly rebooted?: boolean; readonly ignore?: readonly string[] };

function drifted(
  found: Found,
  { ledger = { generation: 3, entries } as Ledger, rebooted = false, ignore = [] }: Options,
): readonly Drift[] {
  const current = new Map<ResourceKind, Map<ResourceKey, Observed>>();
  for (const [key, value] of Object.entries(found) as [ResourceKey, Observed][]) {
    const kind = key.split("/")[0] as ResourceKind;
    current.set(kind, (current.get(kind) ?? new Map()).set(key, value));
  }
  const observed: Observation = { current, moved: new Map() };
  const lifecycle = { protect: [], retain: ["link/kept" as const], ignore, moved: [] };
  return driftOf({ ledger, observed, registry: driverRegistry, lifecycle, rebooted });
}

const standing = { "link/a": link, "tunnel/a": tunnel, "resolver/machine": resolver };

describe("the cause of drift", () => {
  test("nothing changed, nothing reported", () => {
    expect(drifts(standing)).toEqual([]);
  });

  test.each<[string, Readonly<Partial<Record<ResourceKey, Observed>>>, readonly string[]]>([
    ["an MTU", { "link/a": { ...link, mtuBytes: 1300 } }, ["link/a changed unknown"]],
    ["a keeper that died", { "link/a": { ...link, held: false } }, ["link/a changed keeper-gone"]],
    ["an engine that died", { "tunnel/a": { ...tunnel, running: false } }, ["tunnel/a gone engine-gone"]],
    [
      "a peer that roamed",
      { "tunnel/a": { ...tunnel, peers: tunnel.peers.map((peer) => ({ ...peer, endpoint: "192.0.2.9:7" })) } },
      ["tunnel/a changed peer-roamed"],
    ],
    [
      "a rewritten file",
      { "resolver/machine": { ...resolver, servers: ["192.168.1.1"], ownedByAwg: false } },
      ["resolver/machine changed file-rewritten"],
    ],
    [
      "a device of ours that nobody accepted",
      { "link/b": { ...link, device: "awg-b", tunnel: "b" } },
      ["link/b extra unknown"],
    ],
    ["one that is retained", { "link/kept": { ...link, device: "awg-kept", tunnel: "kept" } }, []],
    ["somebody else's", { "link/eth0": { ...link, device: "eth0", type: "other", tunnel: undefined } }, []],
  ])("%s", (_name, change, expected) => {
    expect(drifts({ ...standing, ...change })).toEqual(expected);
  });

  test("an overwritten resolver is shown field by field, from what was accepted to what is there", () => {
    const accepted = { ...resolver, search: ["corp.example"] };
    const ledger = {
      generation: 3,
      entries: entries.map((entry) =>
        entry.kind === "resolver" ? { ...entry, spec: { ...RESOLVER, search: accepted.search } } : entry,
      ),
    };
    const fieldsOf = (found: Observed) =>
      drifted({ ...standing, "resolver/machine": found }, { ledger }).flatMap(({ fields }) => fields);
    expect(fieldsOf({ ...resolver, servers: ["192.168.1.1"], search: ["lan"], ownedByAwg: false })).toEqual([
      { field: "/servers", before: ["10.9.0.1"], after: ["192.168.1.1"] },
      { field: "/search", before: ["corp.example"], after: ["lan"] },
    ]);
    expect(fieldsOf({ ...accepted, ownedByAwg: false })).toEqual([
      { field: "/ownedByAwg", before: true, after: false },
    ]);
    expect(fieldsOf(accepted)).toEqual([]);
  });

  test("what is gone with its device, and what a boot took; files outlive it", () => {
    expect(drifts({ "tunnel/a": tunnel, "resolver/machine": resolver })).toEqual(["link/a gone unknown"]);
    const silent = { ...tunnel, running: false };
    expect(drifts({ "tunnel/a": silent, "resolver/machine": resolver })).toContain("tunnel/a gone link-gone");
    expect(drifts({ "resolver/machine": { ...resolver, servers: ["1.1.1.1"] } }, { rebooted: true })).toEqual([
      "link/a gone reboot",
      "resolver/machine changed file-rewritten",
      "tunnel/a gone reboot",
    ]);
  });

  test("a field that is left to others is no drift, and its neighbour is", () => {
    const ignore = ["/link/a/mtuBytes", "/tunnel/a/peers/0/endpoint"];
    const moved = { ...tunnel, peers: tunnel.peers.map((peer) => ({ ...peer, endpoint: "192.0.2.9:7" })) };
    const changed = { ...standing, "link/a": { ...link, mtuBytes: 1300 }, "tunnel/a": moved };
    expect(drifts(changed, { ignore })).toEqual([]);
    expect(drifts({ ...changed, "link/a": { ...link, mtuBytes: 1300, addresses: [] } }, { ignore })).toEqual([
      "link/a changed unknown",
    ]);
  });
});

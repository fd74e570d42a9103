import { describe, expect, test } from "vitest";
import type { FirewallObserved, FirewallPolicy, PolicyLayer } from "../../../src/model/firewall/policy.ts";
import { diffData } from "../../../src/resources/firewall/diff-data.ts";
import { firewallDriver } from "../../../src/resources/firewall/firewall.driver.ts";
import { capabilities, expandText, facts, fieldsOf, KEY_A, laptop, resourceOf, step } from "../sample.ts";

const TUNNEL = `
tunnels:
  a:
    protocol: wireguard
    privateKey: { file: /k }
    addresses: [10.0.0.1/32]
    peers: [{ publicKey: ${KEY_A}, endpoint: "198.51.100.7:1", allowedIPs: [0.0.0.0/0] }]
default: { via: a }
killSwitch: { enabled: true }
`;
const POLICY: FirewallPolicy = resourceOf(expandText(TUNNEL), "firewall/machine").spec;
const OTHER: FirewallPolicy = resourceOf(
  expandText(`${TUNNEL}rules: [{ destinations: [192.0.2.0/24], via: direct }]`),
  "firewall/machine",
).spec;
const HOLDS: FirewallObserved = { policy: POLICY, damage: [], held: true, droppedPackets: 3 };
const WANTED = new Map([["firewall/machine", POLICY]] as const);

function withLayer(change: Partial<PolicyLayer>): FirewallPolicy {
  const [layer] = POLICY.layers;
  return { ...POLICY, layers: [{ ...(layer as PolicyLayer), ...change }] };
}

describe("what differs in the policy", () => {
  test.each<[string, Partial<FirewallObserved>, string[]]>([
    ["nothing; dropped packets are no difference", {}, []],
    ["that there is none", { policy: null }, [""]],
    ["damage", { damage: ["chain out is gone"] }, ["/damage"]],
    ["damage beyond reading", { policy: null, damage: ["table inet awg is gone"] }, ["", "/damage"]],
    ["that nobody holds the tables", { held: false }, ["/held"]],
    ["nothing where nobody could hold them", { held: false, holdable: false }, []],
    ["the kill switch", { policy: withLayer({ killSwitch: false }) }, ["/layers/0/killSwitch"]],
    ["the LAN", { policy: withLayer({ allowLan: true }) }, ["/layers/0/allowLan"]],
    ["an endpoint", { policy: withLayer({ endpoints: [] }) }, ["/layers/0/endpoints"]],
    [
      "an endpoint's port",
      { policy: withLayer({ endpoints: [{ address: "198.51.100.7", port: 2, protocol: 17 }] }) },
      ["/layers/0/endpoints/0/port"],
    ],
    [
      "DNS",
      {
        policy: withLayer({
          dns: { leakProtection: true, servers: [], path: { kind: "direct" }, blockEncrypted: false },
        }),
      },
      ["/layers/0/dns"],
    ],
    ["the number of layers", { policy: { ...POLICY, layers: [...POLICY.layers, ...POLICY.layers] } }, ["/layers"]],
  ])("%s", (_name, observed, fields) => {
    expect(fieldsOf(firewallDriver.diff(POLICY, { ...HOLDS, ...observed }))).toEqual(fields);
  });

  test("a new rule is shown in steering and in its layer", () => {
    const changes = firewallDriver.diff(OTHER, HOLDS);
    expect(fieldsOf(changes)).toEqual(["/layers/0/flows/rules", "/steering/rules"]);
    expect(changes[0]).toMatchObject({ added: 1, removed: 0 });
  });
});

describe("the difference of plain data", () => {
  test("goes down to the field", () => {
    expect(diffData("", { a: { "b/c": [1, 2], d: 4 } }, { a: { "b/c": [1, 3], d: 5 } })).toEqual([
      { field: "/a/b~1c", before: ["2"], after: ["3"], added: 1, removed: 1 },
      { field: "/a/d", before: 4, after: 5 },
    ]);
  });

  test("a field that comes or goes has one side", () => {
    expect(diffData("", { a: 1 }, { b: 2 })).toEqual([
      { field: "/a", before: 1 },
      { field: "/b", after: 2 },
    ]);
  });

  test("a list in another order is one change: the first match wins", () => {
    expect(diffData("/rules", [{ x: 1 }, { x: 2 }], [{ x: 2 }, { x: 1 }])).toEqual([
      { field: "/rules", before: "the same in another order", after: "reordered" },
    ]);
  });

  test("the same data differs in nothing", () => {
    expect(diffData("", POLICY, structuredClone(POLICY))).toEqual([]);
  });
});

describe("the policy on a machine", () => {
  test("none of ours is nothing, unless one is wanted", async () => {
    const { host } = laptop();
    expect(await firewallDriver.observe(host, new Map())).toEqual(new Map());
    const observed = (await firewallDriver.observe(host, WANTED)).get("firewall/machine");
    expect(observed && firewallDriver.asSpec(observed)).toBeUndefined();
    expect(observed && firewallDriver.isOwned(observed)).toBe(false);
  });

  test("load, read back, load another, remove", async () => {
    const { host } = laptop();
    await firewallDriver.apply(host, [step("firewall/machine", null, POLICY)]);
    const observed = (await firewallDriver.observe(host, WANTED)).get("firewall/machine");
    expect(observed && firewallDriver.diff(POLICY, observed)).toEqual([]);
    expect(observed && firewallDriver.asSpec(observed)).toEqual(POLICY);
    await firewallDriver.apply(host, [step("firewall/machine", POLICY, OTHER)]);
    expect((await host.firewall.read()).policy).toEqual(OTHER);
    for (let times = 0; times < 2; times++) await firewallDriver.apply(host, [step("firewall/machine", OTHER, null)]);
    expect((await host.firewall.read()).policy).toBeNull();
  });

  test("law 1: a policy without its keeper is drift, and loading it again takes it back", async () => {
    const { machine, host } = laptop();
    await firewallDriver.apply(host, [step("firewall/machine", null, POLICY)]);
    machine.live.firewall.held = false;
    const orphaned = (await firewallDriver.observe(host, WANTED)).get("firewall/machine");
    expect(orphaned && fieldsOf(firewallDriver.diff(POLICY, orphaned))).toEqual(["/held"]);
    await firewallDriver.apply(host, [step("firewall/machine", POLICY, POLICY)]);
    const observed = (await firewallDriver.observe(host, WANTED)).get("firewall/machine");
    expect(observed && firewallDriver.diff(POLICY, observed)).toEqual([]);
  });

  test("where the kernel lets no process own tables, that none does is no drift", async () => {
    const { machine, host } = laptop((state) => {
      state.capabilities = { ...state.capabilities, ownedTables: false };
    });
    await firewallDriver.apply(host, [step("firewall/machine", null, POLICY)]);
    machine.live.firewall.held = false;
    const observed = (await firewallDriver.observe(host, WANTED)).get("firewall/machine");
    expect(observed && firewallDriver.diff(POLICY, observed)).toEqual([]);
  });

  test("damage is observed although nothing is wanted any more", async () => {
    const { machine, host } = laptop();
    await firewallDriver.apply(host, [step("firewall/machine", null, POLICY)]);
    machine.live.firewall.damage = ["somebody flushed"];
    const observed = (await firewallDriver.observe(host, new Map())).get("firewall/machine");
    expect(observed && firewallDriver.isOwned(observed)).toBe(true);
  });

  test("between two policies what both allow is loaded; between none and one, the one", () => {
    expect(firewallDriver.between?.(null, POLICY)).toEqual(POLICY);
    expect(firewallDriver.between?.(POLICY, null)).toEqual(POLICY);
    expect(firewallDriver.between?.(POLICY, OTHER)?.layers).toHaveLength(2);
  });

  test("adopt and forget touch nothing", async () => {
    const { machine, host } = laptop();
    await firewallDriver.apply(host, [
      step("firewall/machine", POLICY, POLICY, "adopt"),
      step("firewall/machine", POLICY, null, "forget"),
    ]);
    expect(machine.writes).toEqual([]);
  });

  test.each([
    [{}, "enforced"],
    [{ egressHook: false }, "best-effort"],
    [{ ownedTables: false }, "best-effort"],
    [{ nftables: false }, "unsupported"],
  ] as const)("law 9: with %o the kill switch is %s", (able, level) => {
    expect(firewallDriver.enforcement?.(POLICY, facts(capabilities(able)).capabilities)).toBe(level);
  });

  test("law 9: without a kill switch nothing is promised about raw frames", () => {
    const can = facts(capabilities({ egressHook: false })).capabilities;
    expect(firewallDriver.enforcement?.(withLayer({ killSwitch: false }), can)).toBe("enforced");
  });
});

import { describe, expect, test } from "vitest";
import { ENGINE_MARK } from "../../../src/model/ownership.ts";
import { inverseStep, type Step, stepsOf } from "../../../src/model/plan.ts";
import type { Observed, Resource, ResourceKey, ResourceKind } from "../../../src/model/resource.ts";
import type { LinkSpec } from "../../../src/model/resources/link.ts";
import type { RoutesSpec } from "../../../src/model/resources/routes.ts";
import { EMPTY_LEDGER } from "../../../src/reconciler/plan/ledger.ts";
import { planChanges } from "../../../src/reconciler/plan/plan-changes.ts";
import { driverRegistry } from "../../../src/resources/registry.ts";
import { expandText, KEY_A } from "../../resources/sample.ts";

const CONFIG = `
tunnels:
  office:
    protocol: wireguard
    interface: wg0
    privateKey: { file: /k }
    addresses: [10.8.0.2/32]
    peers: [{ publicKey: ${KEY_A}, endpoint: "192.0.2.1:51820", allowedIPs: [0.0.0.0/0] }]
default: { via: office }
killSwitch: { enabled: true }
conflicts: { /link/office/device: adopt }
`;
const LEFT = { kind: "table", text: "table ip wg-quick-wg0", form: "{}" } as const;

function wanted<K extends ResourceKind>(resources: readonly Resource[], key: ResourceKey<K>) {
  const found = resources.find((one) => one.key === key);
  if (found === undefined) throw new Error(`no ${key}`);
  return found.spec;
}

/** What a machine looks like whose tunnel wg-quick set up. */
function planOn(program: string) {
  const { desired } = expandText(CONFIG, { foreignEngines: { wg0: { uid: 0 } } });
  const link = wanted(desired.resources, "link/office") as LinkSpec;
  const tunnel = wanted(desired.resources, "tunnel/office");
  const standing = new Map<ResourceKind, ReadonlyMap<ResourceKey, Observed>>();
  const device = { ...link, index: 7, up: true, held: false, tunnel: undefined, leftovers: [LEFT] };
  const holder = { program, pid: 7, isEngine: program === "wireguard-go" };
  standing.set("link", new Map([["link/office", { ...device, holder } as Observed]]));
  const running = { ...tunnel, fwmark: 51_820, running: true };
  standing.set("tunnel", new Map([["tunnel/office", running as unknown as Observed]]));
  const observed = { current: standing, moved: new Map() };
  return planChanges({ desired, observed, ledger: EMPTY_LEDGER, registry: driverRegistry });
}

const textOf = ({ action, key }: Step): string => `${action} ${key}`;

describe("taking over a device while its engine runs on", () => {
  test("law 1: the engine's rule, the device and our mark before the packet filter; leftovers after the new rules", () => {
    const { plan, conflicts } = planOn("wireguard-go");
    expect(conflicts).toEqual([]);
    expect(stepsOf(plan).map(textOf)).toEqual([
      "create routes/policy",
      "adopt link/office",
      "adopt tunnel/office",
      "create firewall/machine",
      "create sysctl/machine",
      "create routes/office",
      "update routes/policy",
      "update link/office",
    ]);
    const [first, , engine] = stepsOf(plan);
    const rules = (first?.after as RoutesSpec | undefined)?.rules;
    expect(rules?.map(({ match, table }) => [match.mark?.value, table])).toEqual([
      [ENGINE_MARK, 254],
      [ENGINE_MARK, 254],
    ]);
    expect(engine?.changes.map(({ field }) => field)).toEqual(["/fwmark"]);
  });

  test("law 5: each step has its inverse, the last of which gives the device back as it was", () => {
    const inverses = stepsOf(planOn("wireguard-go").plan).toReversed().map(inverseStep);
    expect(inverses.map(textOf)).toEqual([
      "update link/office",
      "update routes/policy",
      "delete routes/office",
      "delete sysctl/machine",
      "delete firewall/machine",
      "forget tunnel/office",
      "forget link/office",
      "delete routes/policy",
    ]);
    const given = inverses[6];
    expect(given?.after).toMatchObject({ device: "wg0", tunnel: "", leftovers: [LEFT] });
    expect(given?.changes.length).toBeGreaterThan(0);
  });

  test("law 6: a device that no engine holds is a conflict that names who does", () => {
    expect(planOn("openvpn").conflicts).toEqual([{ key: "link/office", holder: "openvpn (process 7)" }]);
  });
});

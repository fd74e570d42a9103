import { describe, expect, test } from "vitest";
import { stepsOf } from "../../../src/model/plan.ts";
import type { Observed, ResourceKey, ResourceKind } from "../../../src/model/resource.ts";
import type { TunnelObserved, TunnelSpec } from "../../../src/model/resources/tunnel.ts";
import { driftOf } from "../../../src/reconciler/plan/drift.ts";
import { planChanges } from "../../../src/reconciler/plan/plan-changes.ts";
import { driverRegistry } from "../../../src/resources/registry.ts";
import { recallTunnel } from "../../../src/resources/tunnel/tunnel.ts";
import { silentTunnel } from "../../../src/uapi/observed.ts";
import { expandText, KEY_A } from "../../resources/sample.ts";

const KEY = "tunnel/office";
const TEXT = "wireguard-go (process 7) is stopped (SIGSTOP)";

const specOf = (more = ""): TunnelSpec => {
  const { desired } = expandText(`
tunnels:
  office:
    protocol: wireguard
    engine: userspace
    privateKey: { file: /k }
    addresses: [10.8.0.2/32]
    ${more}
    peers: [{ publicKey: ${KEY_A}, endpoint: "192.0.2.1:51820", allowedIPs: [0.0.0.0/0] }]
default: { via: office }
killSwitch: { enabled: true }
`);
  const found = desired.resources.find(({ key }) => key === KEY);
  if (found?.kind !== "tunnel") throw new Error(`no ${KEY}`);
  return found.spec;
};

/** A machine with the tunnel accepted, whose engine says nothing. */
function machineWith(isForeign: boolean, accepted: TunnelSpec | undefined) {
  const spec = specOf();
  const silence = { text: TEXT, pid: 7, isForeign, canGoOn: true };
  const silent: TunnelObserved = { ...silentTunnel(spec), silence };
  const found = accepted === undefined ? silent : recallTunnel(silent, accepted);
  const current = new Map<ResourceKind, ReadonlyMap<ResourceKey, Observed>>([["tunnel", new Map([[KEY, found]])]]);
  const entries = accepted === undefined ? [] : [{ kind: "tunnel", key: KEY, spec: accepted, original: null } as const];
  return { observed: { current, moved: new Map() }, ledger: { generation: 1, entries }, registry: driverRegistry };
}

function planned(
  isForeign: boolean,
  desired = specOf(),
  replace: readonly ResourceKey[] = [],
  accepted?: TunnelSpec | null,
) {
  const known = accepted === null ? undefined : (accepted ?? specOf());
  const resources = [{ kind: "tunnel", key: KEY, spec: desired } as const];
  const input = { ...machineWith(isForeign, known), desired: { resources }, replace: new Set(replace) };
  const { plan, conflicts, notes } = planChanges(input);
  const steps = stepsOf(plan).map(({ action, before, after, changes }) => ({ action, before, after, changes }));
  return { steps, conflicts: conflicts.map(({ holder }) => holder), notes: notes.map(({ message }) => message) };
}

describe("an engine that is there and does not answer", () => {
  test("of awg's is replaced by one of the same, and comes back on undo", () => {
    const running = { field: "/running", before: TEXT, after: true, drift: true };
    const step = { action: "update", before: specOf(), after: specOf(), changes: [running] };
    expect(planned(false)).toEqual({ steps: [step], conflicts: [], notes: [] });
  });

  test("of awg's: what the configuration changes besides is shown against what was accepted", () => {
    const [step] = planned(false, specOf("listenPort: 51821")).steps;
    expect(step?.changes.map(({ field }) => field)).toEqual(["/running", "/listenPort"]);
    expect(step?.before).toEqual(specOf());
  });

  test("is drift of its own cause", () => {
    const [drift] = driftOf({ ...machineWith(false, specOf()), lifecycle: undefined, rebooted: false });
    expect(drift).toMatchObject({ key: KEY, change: "changed", cause: "engine-silent" });
    expect(drift?.fields).toEqual([{ field: "/running", before: true, after: TEXT }]);
  });

  test("of another program's is left as it is and reported; what changes it is refused", () => {
    expect(planned(true)).toEqual({ steps: [], conflicts: [], notes: [`left alone: ${TEXT}`] });
    const way = "(kill -CONT 7 resumes it, --replace ends it and starts another)";
    expect(planned(true, specOf("listenPort: 51821"))).toMatchObject({
      steps: [],
      conflicts: [`an engine that awg does not end without a request: ${TEXT} ${way}`],
    });
  });

  test("of another program's that never answered awg: --replace cannot end it, and what can is named", () => {
    const way = "(kill -CONT 7 resumes it, kill -KILL 7 ends it and its device; the next apply creates both again)";
    const conflicts = [`an engine that awg does not end without a request: ${TEXT} ${way}`];
    for (const replace of [[], [KEY]] as const)
      expect(planned(true, specOf(), replace, null)).toMatchObject({ steps: [], conflicts });
  });

  test("of another program's is ended where a person asks for it", () => {
    const steps = planned(true, specOf(), [KEY]).steps.map(({ action }) => action);
    expect(steps).toEqual(["replace"]);
  });
});

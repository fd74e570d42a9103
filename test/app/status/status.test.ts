import { describe, expect, test } from "vitest";
import type { OpenChange } from "../../../src/app/status/open-change.ts";
import { statusOf } from "../../../src/app/status/status.ts";
import { loadConfig } from "../../../src/config/load-config.ts";
import { simulatedHost } from "../../../src/host/simulated/host.ts";
import { SimulatedMachine } from "../../../src/host/simulated/machine.ts";
import { laptopState } from "../../../src/host/simulated/machine-state.ts";
import type { FirewallObserved } from "../../../src/model/firewall/policy.ts";
import type { SecretId } from "../../../src/model/secret.ts";
import { observeMachine } from "../../../src/reconciler/apply/observe.ts";
import { driftOf } from "../../../src/reconciler/plan/drift.ts";
import { EMPTY_LEDGER } from "../../../src/reconciler/plan/ledger.ts";
import { expand } from "../../../src/resources/expand.ts";
import { driverRegistry } from "../../../src/resources/registry.ts";
import { read } from "../../repository/sources.ts";
import { tunnelConfig } from "../../support/config.ts";

const CONFIG = tunnelConfig({
  keyFile: "/nowhere",
  more: "name: laptop\n",
});

const CUT_SHORT: OpenChange = { verb: "apply", why: "cut-short" };

async function applied(over: Partial<ReturnType<typeof laptopState>["capabilities"]> = {}, serviceUid = 967) {
  const state = laptopState();
  const machine = new SimulatedMachine({ ...state, serviceUid, capabilities: { ...state.capabilities, ...over } });
  const host = simulatedHost(machine);
  const facts = await host.facts.read({ users: [], hosts: [] });
  const { config } = loadConfig([{ name: "c", text: CONFIG, mode: 0o600 }]);
  if (config === undefined) throw new Error("the test's config is wrong");
  const { desired, pathNumbers } = expand(config, facts, {
    pathNumbers: {},
    secrets: () => "0".repeat(64) as SecretId,
  });
  for (const { kind, key, spec } of desired.resources) {
    const step = { kind, key, action: "create", phase: "prepare", before: null, after: spec, changes: [], reason: "" };
    await driverRegistry[kind].apply(host, [step as never]);
  }
  const generation = { number: 7, configHash: "h", acceptedMs: 0, desired, pathNumbers, secretIds: [] };
  const status = async (openJournal?: string, firewall: Partial<FirewallObserved> = {}, openChange?: OpenChange) => {
    const observed = await observeMachine(host, driverRegistry, desired, EMPTY_LEDGER);
    for (const found of observed.current.get("firewall")?.values() ?? []) Object.assign(found, firewall);
    const entries = desired.resources.map((resource) => ({ ...resource, original: null }));
    const ledger = { generation: 7, entries };
    const drifts = driftOf({ ledger, observed, registry: driverRegistry, lifecycle: undefined, rebooted: false });
    return statusOf({
      generation,
      desired,
      observed,
      drifts,
      capabilities: facts.capabilities,
      registry: driverRegistry,
      openJournal,
      openSinceMs: 1_800_000_000_000,
      nowMs: 1_800_000_000_000,
      ...(openChange === undefined ? {} : { openChange }),
    });
  };
  const condition = async (type: string, journal?: string) =>
    (await status(journal, {}, journal === undefined ? undefined : CUT_SHORT)).conditions.find(
      (one) => one.type === type,
    );
  return { machine, status, condition };
}

describe("law 10: status names known limits of the host by number", () => {
  test.each([
    ["nothing", {}, 967, "kill switch on"],
    ["no egress hook", { egressHook: false }, 967, "kill switch on; raw frames of root are not filtered (S12.3)"],
    [
      "no user of awg's own",
      {},
      0,
      "kill switch on; any root process can reach the endpoints of tunnels and proxies; see awg doctor (S12.4)",
    ],
  ])("%s", async (_name, capabilities, serviceUid, summary) => {
    const { status } = await applied(capabilities, serviceUid);
    expect((await status()).resources.find(({ key }) => key === "firewall/machine")?.summary).toBe(summary);
  });
});

test("what exists is counted in English", async () => {
  const { status } = await applied();
  const summaries = Object.fromEntries((await status()).resources.map(({ key, summary }) => [key, summary]));
  expect(summaries["routes/office"]).toBe("1 route");
  expect(summaries["routes/policy"]).toMatch(/^[0-9]+ policy rules$/);
});

test("the packet filter has the drops of each blocking rule", async () => {
  const { status } = await applied();
  const droppedByRule = [{ rule: "rules/0 (backup)", packets: 3 }];
  const { resources } = await status(undefined, { droppedPackets: 5, droppedByRule });
  expect(resources).toContainEqual(expect.objectContaining({ droppedPackets: 5, droppedByRule }));
});

test("S9.4: bridges with no judge between their ports are named", async () => {
  const { status } = await applied();
  const { resources } = await status(undefined, { guestBridges: ["br7", "docker0"] });
  expect(resources.find(({ key }) => key === "firewall/machine")?.summary).toBe(
    "kill switch on; frames between ports of br7, docker0 are not filtered (S9.4)",
  );
});

describe("law 9: status", () => {
  test("a machine as applied is protected; the tunnel is not ready before a handshake", async () => {
    const { condition, status } = await applied();
    expect(await condition("Protected")).toMatchObject({ status: true, message: "the kill switch is on" });
    expect(await condition("Drifted")).toMatchObject({ status: false });
    expect(await condition("Ready")).toMatchObject({ status: false, message: "waiting for tunnel/office" });
    expect((await status()).generation).toBe(7);
  });

  test("without its keeper the policy still holds, and can be flushed", async () => {
    const { machine, condition } = await applied();
    machine.act({ act: "keeper-dies" });
    expect(await condition("Protected")).toMatchObject({ status: true, message: expect.stringContaining("flushable") });
    expect(await condition("Drifted")).toMatchObject({ status: true });
  });

  test("a flushed policy is gone: nothing is blocked, and no line says otherwise", async () => {
    const { machine, condition, status } = await applied();
    machine.act({ act: "keeper-dies" });
    machine.act({ act: "flush-firewall" });
    expect(await condition("Protected")).toMatchObject({
      status: false,
      message: "the packet filter is gone: nothing is blocked",
    });
    expect((await condition("Drifted"))?.message).toContain("firewall/machine");
    expect((await condition("Drifted"))?.message).toMatch(/(is|are) gone/);
    expect((await condition("Ready"))?.message).toContain("firewall/machine");
    const { resources } = await status();
    expect(resources.find(({ key }) => key === "firewall/machine")).toMatchObject({
      ready: false,
      drift: [],
      summary: "is gone: nothing is blocked",
    });
  });

  test("a damaged policy protects nothing, and tables that cannot be read are not said to be a kill switch", async () => {
    const { condition, status, machine } = await applied();
    machine.act({ act: "keeper-dies" });
    machine.act({ act: "damage-firewall", what: "a rule is gone" });
    expect(await condition("Protected")).toMatchObject({
      status: false,
      message: "the packet filter is not as applied",
    });
    const { resources } = await status(undefined, { policy: null, damage: ["which policy it is is not known"] });
    expect(resources.find(({ key }) => key === "firewall/machine")?.summary).toBe(
      "damaged: it is unknown what it blocks",
    );
  });

  test("law 10: a kernel that cannot stop raw frames is said to keep the policy less well, as rule S12.3 has it", async () => {
    const enforcementOf = async (egressHook: boolean) =>
      (await (await applied({ egressHook })).status()).resources.find(({ key }) => key === "firewall/machine")
        ?.enforcement;
    expect(await enforcementOf(true)).toBe("enforced");
    expect(await enforcementOf(false)).toBe("best-effort");
    expect(read("docs/reference/security/limits.md")).toMatch(/\*\*S12\.3\*\* .*egress hook/);
    expect(read("docs/platforms.md")).toContain("## Never run");
  });

  test("what is gone is never as applied", async () => {
    const { machine, condition } = await applied();
    machine.act({ act: "stop-engine", device: "awg-office" });
    expect(await condition("Drifted")).toMatchObject({ status: true, message: "tunnel/office is gone" });
  });

  test("law 9: since when is said only of what is known", async () => {
    const { machine, status } = await applied();
    const sinces = (await status("/var/lib/awg/journal", {}, CUT_SHORT)).conditions.map(({ type, since }) => [
      type,
      since,
    ]);
    const accepted = "1970-01-01T00:00:00.000Z";
    expect(sinces).toEqual([
      ["Ready", undefined],
      ["Protected", accepted],
      ["Drifted", accepted],
      ["Stalled", "2027-01-15T08:00:00.000Z"],
      ["Reconciling", undefined],
      ["ApprovalPending", undefined],
    ]);
    machine.act({ act: "keeper-dies" });
    const after = (await status()).conditions.map(({ type, since }) => [type, since]);
    expect(after).toEqual([
      ["Ready", undefined],
      ["Protected", undefined],
      ["Drifted", undefined],
      ["Stalled", accepted],
      ["Reconciling", undefined],
      ["ApprovalPending", undefined],
    ]);
  });

  test("a state on trial without its keeper is not to be applied again at once, which is refused then", async () => {
    const { machine, status } = await applied();
    machine.act({ act: "keeper-dies" });
    const { conditions } = await status(
      undefined,
      {},
      {
        verb: "apply",
        why: "awaiting-confirmation",
        awaiting: { generation: 8, secondsLeft: 5 },
      },
    );
    expect(Object.fromEntries(conditions.map(({ type, message }) => [type, message]))).toMatchObject({
      Protected: expect.stringContaining("flushable, apply again once it is confirmed or reverted"),
      Stalled: "generation 8 awaits confirmation",
    });
  });

  test("an open journal is a stall", async () => {
    const { condition } = await applied();
    expect(await condition("Stalled", "/var/lib/awg/journal")).toMatchObject({
      status: true,
      message: expect.stringContaining("/var/lib/awg/journal"),
    });
    expect(await condition("Stalled")).toMatchObject({ status: false });
  });
});

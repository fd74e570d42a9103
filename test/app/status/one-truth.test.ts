import { rmSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { DIRECT, fallBackAccepted } from "../../../src/app/apply/fallback.ts";
import type { Examination } from "../../../src/app/doctor/finding.ts";
import type { DriftReport } from "../../../src/app/status/drift.ts";
import { endsAtReboot } from "../../../src/app/status/reboot.ts";
import type { Status } from "../../../src/app/status/status-report.ts";
import { renderDrift } from "../../../src/cli/verbs/inspect/drift.view.ts";
import { renderStatus } from "../../../src/cli/verbs/inspect/status.view.ts";
import { renderExplanation } from "../../../src/cli/views/explanation.ts";
import { styleFor } from "../../../src/cli/views/style.ts";
import { renderVerified } from "../../../src/cli/views/verified.ts";
import type { FirewallPolicy } from "../../../src/model/firewall/policy.ts";
import { type SimulatedBench, useSimulatedBench } from "../../compose/simulated-bench.ts";
import { examine } from "../../support/test-session.ts";
import { act, FAULTS } from "./foreign-faults.ts";

const newBench = useSimulatedBench();
const plain = styleFor(false);
const ANYWHERE = { destination: "198.51.100.7", port: 443, user: "0", resolves: false };
const DNS = "dns: { servers: [10.9.0.53] }";

/** What each verb says of one host. */
async function askAll(bench: SimulatedBench) {
  return {
    status: await bench.ask((session) => session.status()),
    drift: await bench.ask((session) => session.drift()),
    doctor: await examine({
      host: { kind: "simulated", file: bench.file },
      allowInsecurePermissions: false,
      environment: {},
    }),
    explained: await bench.ask((session) => session.explain(ANYWHERE)),
    verified: await bench.ask((session) => session.verify()),
  };
}

const holds = ({ conditions }: Status, type: string): boolean | undefined =>
  conditions.find((one) => one.type === type)?.status;
const faultsOf = ({ findings }: Examination): readonly string[] =>
  findings.filter(({ severity }) => severity === "fault").map(({ id }) => id);

async function appliedBench(): Promise<SimulatedBench> {
  const bench = newBench();
  await bench.apply(bench.config({ office: {} }, DNS));
  const now = Math.floor(Date.now() / 1000);
  bench.meddle((text) => text.replace(/"lastHandshakeSeconds": ?0/, `"lastHandshakeSeconds":${now}`));
  return bench;
}

interface Answers {
  readonly status: Status;
  readonly drift: DriftReport;
  readonly doctor: Examination;
}

/** Of two verbs that speak of the same, none says what another denies. */
function expectOneTruth({ status, drift, doctor, explained, verified }: Awaited<ReturnType<typeof askAll>>): void {
  const isDrifted = drift.drifts.length > 0;
  expect({ drifted: holds(status, "Drifted") }).toEqual({ drifted: isDrifted });
  expect({ generation: status.generation }).toEqual({ generation: drift.generation });
  expect({ unrecorded: status.unrecorded }).toEqual({ unrecorded: drift.unrecorded });
  const faults = faultsOf(doctor);
  const isOfApplied = faults.some((id) =>
    ["drifted", "policy-missing", "policy-orphaned", "engine-silent", "state-lost"].includes(id),
  );
  expect({ isOfApplied }).toEqual({ isOfApplied: isDrifted });
  const isOpen = faults.includes("policy-missing") || faults.includes("fallback-direct");
  if (drift.unrecorded === undefined) expect({ Protected: holds(status, "Protected") }).toEqual({ Protected: !isOpen });
  if (holds(status, "Protected") === true && status.unrecorded === undefined)
    expect(verified.findings.filter(({ kind }) => kind === "leak")).toEqual([]);
  if (faults.some((id) => id === "no-network" || id === "tunnel-silent")) expect(holds(status, "Ready")).toBe(false);
  if (holds(status, "Ready") === true)
    expect(explained.live).toMatchObject({ device: "awg-office", verdict: "accept" });
  if (holds(status, "Protected") === true && explained.live.verdict === "accept")
    expect(explained.live.device).toBe("awg-office");
  if (explained.live.verdict === "drop") expect(holds(status, "Ready")).toBe(false);
  expectRemedies({ status, drift, doctor });
}

/** What differs is put back by an apply, never by a rollback. */
function expectRemedies({ doctor, drift }: Answers): void {
  const remedies = doctor.findings.filter(({ severity }) => severity === "fault").flatMap(({ remedy }) => remedy);
  expect(remedies.filter((line) => line.includes("awg rollback"))).toEqual([]);
  if (drift.drifts.length > 0) expect(remedies.join("\n")).toContain("awg apply");
}

describe("law 9: status, drift, doctor, explain and verify say one truth", () => {
  test.each(Object.entries(FAULTS))("after %s", async (_, acts) => {
    const bench = await appliedBench();
    expect(holds(await bench.ask((session) => session.status()), "Ready")).toBe(true);
    act(bench, ...acts);
    const answers = await askAll(bench);
    expectOneTruth(answers);
    await bench.apply(bench.config({ office: {} }, DNS));
    expectOneTruth(await askAll(bench));
  });

  test("one resource that differs is named in the singular, and verify puts a colon behind each kind", async () => {
    const bench = await appliedBench();
    act(bench, { act: "flush-table", table: 0x6177_0001 });
    const { drift, verified } = await askAll(bench);
    expect(renderDrift(drift, plain)).toContain(
      "Drift: 1 resource of generation 1. awg apply restores it; awg plan shows",
    );
    expect(renderVerified(verified, plain)).toMatch(/^misroute: is routed by eth0, /);
  });

  test("every pair of faults, too", async () => {
    const names = Object.keys(FAULTS);
    const bench = await appliedBench();
    const begun = bench.read();
    for (const [index, one] of names.entries()) {
      const other = names[(index * 7 + 3) % names.length] ?? one;
      bench.meddle(() => `${begun} `);
      act(bench, ...(FAULTS[one] ?? []), ...(FAULTS[other] ?? []));
      expectOneTruth(await askAll(bench));
    }
  });

  test("a fallback to direct is not Protected, alone and with each fault", async () => {
    const bench = newBench();
    const toOffice = "default: { via: office }";
    await bench.apply(
      bench.config({ office: {} }, DNS).replace(toOffice, "default: { via: office, fallback: direct }"),
    );
    await bench.ask(async ({ host: { parts } }) => {
      await fallBackAccepted(parts, [{ device: "awg-office", to: DIRECT }], false);
      await parts.close();
    });
    const begun = bench.read();
    for (const [index, acts] of [[], ...Object.values(FAULTS)].entries()) {
      bench.meddle(() => begun + " ".repeat(index + 1));
      if (acts.length > 0) act(bench, ...acts);
      const answers = await askAll(bench);
      expectOneTruth(answers);
      expect(holds(answers.status, "Protected")).toBe(false);
    }
    bench.meddle(() => begun);
    const { status, doctor, explained } = await askAll(bench);
    const what = "the server of office does not answer; its traffic goes direct until it does";
    expect(status.conditions.find(({ type }) => type === "Protected")).toMatchObject({ message: what });
    expect(doctor.findings[0]).toMatchObject({ id: "fallback-direct", severity: "fault", what });
    for (const side of [explained.declared, explained.live])
      expect(side).toMatchObject({ device: "eth0", verdict: "accept" });
    expect(explained.disagreements).toEqual([]);
  });

  test("an emptied table is not Ready, and names what is missing and the verb", async () => {
    const bench = await appliedBench();
    act(bench, { act: "flush-table", table: 0x6177_0001 });
    const { conditions } = await bench.ask((session) => session.status());
    expect(conditions.find(({ type }) => type === "Ready")).toMatchObject({
      status: false,
      message: "routes/office lacks 0.0.0.0/0; awg apply puts it back",
    });
  });
});

describe("law 9: a lost state folder", () => {
  test("status, drift and doctor name what the kernel has, whether it protects, and both verbs", async () => {
    const bench = await appliedBench();
    rmSync(`${bench.file}.state`, { recursive: true });
    const answers = await askAll(bench);
    expectOneTruth(answers);
    const lost = `7 resources of awg are on this host, and ${bench.file}.state has no record of them`;
    const text = renderStatus(answers.status, plain, 0);
    expect(text).toContain(`${lost}.\n  Protected:  yes  the kill switch is on\n`);
    expect(renderDrift(answers.drift, plain)).toContain(`${lost}:\n  ≠ firewall/machine\n`);
    for (const said of [text, renderDrift(answers.drift, plain)])
      expect(said).toContain("awg apply takes them over; awg destroy removes them.");
    expect(answers.doctor.findings[0]).toMatchObject({ id: "state-lost", what: lost });
    expect(answers.verified.notes).toEqual([`${lost}; see awg drift`]);
    await bench.apply(bench.config({ office: {} }, DNS));
    expectOneTruth(await askAll(bench));
  });

  test("a destroy without it leaves nothing", async () => {
    const bench = await appliedBench();
    rmSync(`${bench.file}.state`, { recursive: true });
    await bench.destroy();
    const { status, drift, explained } = await askAll(bench);
    expect(renderStatus(status, plain)).toBe("Nothing is applied on this host. awg does not protect its traffic.");
    expect(renderDrift(drift, plain)).toBe("Nothing is applied on this host, so there is no drift.");
    expect(renderExplanation(explained, plain)).toContain("awg has nothing applied; the kernel sends it by eth0");
    expect((JSON.parse(bench.read()) as { firewall: { policy: FirewallPolicy | null } }).firewall.policy).toBeNull();
  });
});

test("the default of a rollback is the last generation with a config, never the state after a destroy", async () => {
  const bench = await appliedBench();
  await bench.destroy();
  await bench.apply(bench.config({ office: {}, home: {} }));
  const planned = await bench.ask((session) => session.planRollback(undefined));
  expect(planned.desired.resources.map(({ key }) => key)).toContain("link/office");
  expect((await bench.ask((session) => session.planRollback(2))).desired.resources).toEqual([]);
});

test("a reboot ends what is applied until awg is installed; a simulated host never reboots", async () => {
  const bench = await appliedBench();
  const { status, doctor } = await askAll(bench);
  expect(status.endsAtReboot).toBeUndefined();
  expect(doctor.findings.map(({ id }) => id)).not.toContain("ends-at-reboot");
  expect(renderStatus({ ...status, endsAtReboot: true }, plain)).toContain(
    "\nA reboot ends this; awg install keeps it.\n",
  );
  const asRealHost = () =>
    bench.ask(async ({ host: { parts } }) => {
      const { desired } = (await parts.stores.generations.latest()) ?? { desired: { resources: [] } };
      return [await endsAtReboot(parts, desired), await endsAtReboot({ ...parts, isSimulated: false }, desired)];
    });
  expect(await asRealHost()).toEqual([false, true]);
  bench.meddle((text) => {
    const { services, ...state } = JSON.parse(text) as { services: unknown[] };
    const service = { name: "awg.service", path: "/x", definition: "", loaded: "", enabled: true, running: true };
    return JSON.stringify({ ...state, services: [...services, service] });
  });
  expect(await asRealHost()).toEqual([false, false]);
});

describe("doctor on a tunnel without an answer", () => {
  const silent = async (sentBytes: number) => {
    const bench = newBench();
    await bench.apply(bench.config({ office: {} }));
    if (sentBytes > 0) bench.meddle((text) => text.replace(/"sentBytes": ?0/, `"sentBytes": ${sentBytes}`));
    return bench;
  };

  test("one that sends is a fault that names the endpoint; one that sent nothing is none", async () => {
    const [finding] = (await askAll(await silent(148))).doctor.findings;
    expect(finding).toMatchObject({
      id: "tunnel-silent",
      severity: "fault",
      what: "tunnel/office does not work: no answer from 192.0.2.1:51820",
    });
    expect(faultsOf((await askAll(await silent(0))).doctor)).toEqual([]);
  });

  test("a name that does not resolve is a fault, and status names it too", async () => {
    const bench = newBench();
    const named = bench.config({ office: {} }).replace("192.0.2.1:51820", "nowhere.example:51820");
    await bench.apply(`${named}dns: { servers: [10.9.0.53], bootstrap: [192.0.2.53] }\n`);
    const { status, doctor } = await askAll(bench);
    expect(renderStatus(status, plain)).toContain("… nowhere.example does not resolve: no handshake yet");
    expect(doctor.findings[0]).toMatchObject({
      id: "name-unresolved",
      what: "tunnel/office is down: nowhere.example does not resolve",
    });
    expect(holds(status, "Ready")).toBe(false);
  });

  test("a link that is down is named first, and no key is blamed", async () => {
    const bench = await silent(148);
    act(bench, { act: "set-link", device: "eth0", up: false });
    const { findings } = (await askAll(bench)).doctor;
    expect(findings[0]).toMatchObject({ id: "no-network", what: "no network: eth0 is down" });
    expect(findings.map(({ id }) => id)).not.toContain("tunnel-silent");
  });
});

test("after a destroy drift, status and explain say that nothing is applied", async () => {
  const bench = await appliedBench();
  await bench.destroy();
  const { status, drift, explained, doctor } = await askAll(bench);
  expect(renderDrift(drift, plain)).toBe("Nothing is applied on this host, so there is no drift.");
  expect(renderStatus(status, plain)).toBe("Nothing is applied on this host. awg does not protect its traffic.");
  expect(renderExplanation(explained, plain)).not.toMatch(/generation|unmarked/);
  expect(faultsOf(doctor)).toEqual([]);
});

import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import type { MachineState } from "../../../src/host/simulated/machine-state.ts";
import { type Plan, stepsOf } from "../../../src/model/plan.ts";
import { sampleConfig } from "../../support/config.ts";
import { temporaryFolder } from "../../support/folder.ts";
import { openTestSession } from "../../support/test-session.ts";

const BUNDLE = "com.example.app.System";
const config = (more: string) => sampleConfig(`default: { via: direct }\nkillSwitch: { enabled: false }\n${more}\n`);
const SERVICE = config("service: { install: true, notifications: true }");
const EXTENSION = config(`systemExtension: { bundle: ${BUNDLE} }`);
const HOOKS = { onEvent: () => {}, shouldStop: () => undefined };

let folder: string;
let file: string;

beforeEach(() => {
  folder = temporaryFolder("t-declared");
  file = join(folder, "machine.json");
});

function open(isAttended = false) {
  const host = { kind: "simulated", file } as const;
  return openTestSession({ host, allowInsecurePermissions: false, isAttended, environment: {} });
}

function machine(): MachineState {
  return JSON.parse(readFileSync(file, "utf8")) as MachineState;
}

async function plan(text: string, isAttended = false): Promise<Plan> {
  await using session = await open(isAttended);
  return (await session.plan(await session.load([{ name: "c.yaml", text }]))).plan;
}

async function apply(text: string, isAttended = false): Promise<void> {
  await using session = await open(isAttended);
  await session.apply(await session.plan(await session.load([{ name: "c.yaml", text }])), HOOKS);
}

async function destroy(): Promise<void> {
  await using session = await open();
  await session.apply(await session.planDestroy(), HOOKS);
}

const SERVICES = ["awg-keeper.service", "awg.service", "awg-api.service", "awg-api.socket"];

/** `kind/name action` of each step. */
function reported(plan: Plan): readonly string[] {
  return stepsOf(plan).map(({ key, action }) => `${key} ${action}`);
}

describe("services that a config declares", () => {
  test("come last, the keeper first; law 3: then nothing is left to do; they leave before all else", async () => {
    expect(reported(await plan(SERVICE))).toEqual([
      "service/keeper create",
      "service/daemon create",
      "service/api create",
      "service/api-socket create",
      "autostart/api-socket update",
      "autostart/daemon update",
    ]);
    await apply(SERVICE);
    expect(machine().services.map(({ name, running, enabled }) => [name, running, enabled === true])).toEqual([
      ["awg-keeper.service", true, false],
      ["awg.service", true, true],
      ["awg-api.service", false, false],
      ["awg-api.socket", true, true],
    ]);
    expect(reported(await plan(SERVICE))).toEqual([]);
    await destroy();
    expect(machine().services).toEqual([]);
  });

  test("a daemon that another program stopped, and a definition that it edited, are drift and are put right", async () => {
    await apply(SERVICE);
    const state = machine();
    const [keeper, daemon] = state.services;
    Object.assign(keeper ?? {}, { definition: `${keeper?.definition}Nice=19\n` });
    Object.assign(daemon ?? {}, { running: false });
    writeFileSync(file, JSON.stringify(state));
    const steps = stepsOf(await plan(SERVICE));
    expect(steps.map(({ key, changes }) => [key, changes.map(({ field }) => field)])).toEqual([
      ["service/keeper", ["/definition", "/outdated"]],
      ["service/daemon", ["/running"]],
    ]);
    await apply(SERVICE);
    expect(reported(await plan(SERVICE))).toEqual([]);
  });

  test("law 6: a service of that name of another program is a conflict", async () => {
    writeFileSync(file, JSON.stringify({ services: [{ name: "awg.service", running: true, definition: "[Unit]\n" }] }));
    await expect(plan(SERVICE)).rejects.toMatchObject({ kind: "conflict" });
  });

  test("what lifecycle protects is not taken away, and what it retains stays", async () => {
    await apply(SERVICE.concat("lifecycle: { protect: [service/daemon] }\n"));
    const without = config("service: { install: false }");
    await expect(plan(without.concat("lifecycle: { protect: [service/daemon] }\n"))).rejects.toMatchObject({
      kind: "config",
    });
    const retain = "lifecycle: { retain: [service/daemon, service/keeper, autostart/daemon] }\n";
    await apply(without.concat(retain));
    expect(machine().services.map(({ name }) => name)).toEqual(["awg-keeper.service", "awg.service"]);
  });

  test("where nothing runs services the config is refused, by its place", async () => {
    writeFileSync(file, JSON.stringify({ serviceManager: null }));
    await expect(plan(SERVICE)).rejects.toMatchObject({
      kind: "unsupported",
      message: expect.stringContaining("service"),
    });
  });

  test("on a Mac they are LaunchDaemons, and blocking at boot is refused", async () => {
    writeFileSync(file, JSON.stringify({ serviceManager: "launchd" }));
    expect(reported(await plan(SERVICE))).toContain("autostart/keeper update");
    const atBoot = SERVICE.replace("enabled: false", "enabled: true, atBoot: true");
    await expect(plan(atBoot)).rejects.toMatchObject({
      kind: "unsupported",
      message: expect.stringContaining("works on Linux only"),
    });
  });

  test("law 5: whichever write fails, the machine is the old one or the new one", async () => {
    const outcomes = new Set<string>();
    for (let at = 1; at <= 24; at++) {
      rmSync(`${file}.state`, { recursive: true, force: true });
      const faults = [{ at, fault: { kind: "fail", error: "host", times: 1 } }];
      writeFileSync(file, JSON.stringify({ faults }));
      const failed = await apply(SERVICE).then(
        () => false,
        () => true,
      );
      const services = machine().services.map(({ name }) => name);
      expect(services).toEqual(failed ? [] : SERVICES);
      outcomes.add(String(failed));
    }
    expect([...outcomes].toSorted()).toEqual(["false", "true"]);
  });
});

describe("a system extension that a config declares", () => {
  test("waits for its user as a condition: nothing is left to do, and nothing is ready", async () => {
    await apply(EXTENSION);
    expect(reported(await plan(EXTENSION))).toEqual([]);
    await using session = await open();
    const { resources, conditions } = await session.status();
    expect(resources).toMatchObject([{ ready: false, summary: expect.stringContaining("x-apple.systempreferences:") }]);
    expect(conditions.find(({ type }) => type === "Ready")).toMatchObject({ status: false });
  });

  test("one that its user allows is enabled; absent takes it away; destroy puts back what was", async () => {
    const held = { bundle: BUNDLE, state: "not-installed", approves: true };
    writeFileSync(file, JSON.stringify({ systemExtensions: [held] }));
    await apply(EXTENSION);
    expect(machine().systemExtensions).toMatchObject([{ state: "enabled" }]);
    await apply(EXTENSION.replace(BUNDLE, `${BUNDLE}, state: absent`));
    expect(machine().systemExtensions).toMatchObject([{ state: "not-installed" }]);
    await apply(EXTENSION);
    await destroy();
    expect(machine().systemExtensions).toMatchObject([{ state: "not-installed" }]);
  });

  test("an older version than the app's is replaced; one that waits is asked for again where a user sits there", async () => {
    const held = { bundle: BUNDLE, state: "enabled", approves: false, version: "1.2/34", carried: "1.3/35" };
    writeFileSync(file, JSON.stringify({ systemExtensions: [held] }));
    const [step, ...more] = stepsOf(await plan(EXTENSION));
    expect([step?.action, more]).toEqual(["replace", []]);
    expect(step?.changes).toMatchObject([{ field: "/version", before: "1.2/34", after: "1.3/35" }]);
    await apply(EXTENSION);
    expect(machine().systemExtensions).toMatchObject([{ state: "enabled", version: "1.3/35" }]);
    expect(reported(await plan(EXTENSION, true))).toEqual([]);
    writeFileSync(file, JSON.stringify({ ...machine(), systemExtensions: [{ ...held, state: "awaiting-approval" }] }));
    await apply(EXTENSION);
    expect(reported(await plan(EXTENSION))).toEqual([]);
    expect(reported(await plan(EXTENSION, true))).toEqual([`system-extension/${BUNDLE} replace`]);
    await apply(EXTENSION, true);
    expect(reported(await plan(EXTENSION))).toEqual([]);
  });
});

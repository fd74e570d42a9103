import { chmodSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { type InstallOptions, installAwg, uninstallAwg } from "../../../src/app/install/install.ts";
import { InstallationRecord } from "../../../src/app/install/installation-record.ts";
import { addSteps, type InstallationStep, removeSteps } from "../../../src/app/install/installation-step.ts";
import { refuseHiddenProgram, replaceableParts } from "../../../src/app/install/machine-steps.ts";
import { controlDaemon, readServices } from "../../../src/app/install/service-control.ts";
import type { HostParts } from "../../../src/app/parts.ts";
import { planConfig } from "../../../src/app/plan/planner.ts";
import type { ServiceCommand, ServiceManager } from "../../../src/host/ports/services.ts";
import type { MachineState } from "../../../src/host/simulated/machine-state.ts";
import { sampleConfig } from "../../support/config.ts";
import { temporaryFolder } from "../../support/folder.ts";
import { openTestSession } from "../../support/test-session.ts";

let folder: string;
let file: string;

beforeEach(() => {
  folder = temporaryFolder("t-install");
  file = join(folder, "machine.json");
});

function options(over = {}) {
  const host = { kind: "simulated" as const, file };
  return { host, allowInsecurePermissions: false, environment: {}, dryRun: false, force: false, ...over };
}

/** Each verb is a process of its own. */
async function onHost<T>(act: (parts: HostParts) => Promise<T>): Promise<T> {
  await using session = await openTestSession(options());
  return act(session.host.parts);
}
const install = (given: InstallOptions) => onHost((parts) => installAwg(parts, given));
const uninstall = (given: InstallOptions & { readonly force: boolean }) =>
  onHost((parts) => uninstallAwg(parts, given));
const services = () => onHost(readServices);
const control = (command: ServiceCommand) => onHost((parts) => controlDaemon(parts, command));

function machine(): MachineState {
  return JSON.parse(readFileSync(file, "utf8")) as MachineState;
}

async function applyKillSwitch(): Promise<void> {
  const text = sampleConfig("default: { via: direct }\nkillSwitch: { enabled: true }\n");
  await using session = await openTestSession(options());
  const planned = await session.plan(await session.load([{ name: "c.yaml", text }]));
  await session.apply(planned, { onEvent: () => {}, shouldStop: () => undefined });
}

describe("awg install and uninstall", () => {
  test.each(["/tmp/awg/src/cli/awg.ts", "/var/tmp/awg.cjs"])("services that could not see %s are refused", (path) => {
    const program = ["/usr/bin/node", path];
    expect(() => refuseHiddenProgram({ kind: "systemd", program })).toThrow(
      `services cannot see ${path}: systemd hides /tmp and /var/tmp from them`,
    );
    expect(() => refuseHiddenProgram({ kind: "launchd", program })).not.toThrow();
    expect(() => refuseHiddenProgram({ kind: "systemd", program: ["/opt/tmp/awg"] })).not.toThrow();
  });

  test("a config with service: {} is refused with the same sentence, and planned without it", async () => {
    const planFrom = async (program: readonly string[], more: string) => {
      await using session = await openTestSession(options());
      const { parts } = session.host;
      const { services } = parts.host;
      if (services === undefined) throw new Error("a simulated host has services");
      const readManager = async () => ({ ...((await services.readManager()) as ServiceManager), program });
      const host = { ...parts.host, services: { ...services, readManager } };
      const text = sampleConfig(`default: { via: direct }\nkillSwitch: { enabled: false }\n${more}\n`);
      return planConfig({ ...parts, host }, await session.load([{ name: "c.yaml", text }]));
    };
    const hidden = ["/usr/bin/node", "/tmp/awg/src/cli/awg.ts"];
    await expect(planFrom(hidden, "service: {}")).rejects.toMatchObject({
      kind: "unsupported",
      message: "services cannot see /tmp/awg/src/cli/awg.ts: systemd hides /tmp and /var/tmp from them",
    });
    await planFrom(hidden, "");
    await planFrom(["/usr/bin/node", "/opt/awg/awg.ts"], "service: {}");
  });

  test("without the rights of root both are refused before anything is read", async () => {
    const parts = {
      requireRights: () => {
        throw new Error("needs root");
      },
    } as unknown as HostParts;
    await expect(installAwg(parts, { dryRun: true })).rejects.toThrow("needs root");
    await expect(uninstallAwg(parts, { dryRun: true, force: false })).rejects.toThrow("needs root");
  });

  test("law 3: a second install changes nothing; uninstall leaves what was there before", async () => {
    writeFileSync(file, JSON.stringify({ services: [{ name: "sshd.service", running: true }] }));
    const first = await install(options());
    expect(first.steps.map(({ outcome }) => outcome)).toEqual(Array(6).fill("done"));
    const installed = machine();
    const second = await install(options());
    expect(second.steps.map(({ outcome }) => outcome)).toEqual(Array(6).fill("kept"));
    expect(machine()).toEqual(installed);
    await uninstall(options());
    expect(machine().services).toEqual([{ name: "sshd.service", running: true }]);
    expect((await uninstall(options())).steps.map(({ outcome }) => outcome)).toEqual(Array(4).fill("absent"));
  });

  test("uninstall forgets what a daemon proposed, so that the next installation begins with its file", async () => {
    await install(options());
    await using session = await openTestSession(options());
    await session.settleProposal("a");
    await uninstall(options({ dryRun: true }));
    expect(await session.readProposals()).toEqual({ settled: "a" });
    await uninstall(options());
    expect(await session.readProposals()).toEqual({});
  });

  test("--dry-run says the same and does nothing", async () => {
    const planned = await install(options({ dryRun: true }));
    expect(planned.steps.map(({ outcome }) => outcome)).toEqual(Array(6).fill("would-be-done"));
    await install(options());
    const installed = machine();
    await uninstall(options({ dryRun: true }));
    expect(machine()).toEqual(installed);
  });

  test("what is applied is not left without an owner: uninstall is refused, or destroys it first", async () => {
    await applyKillSwitch();
    await install(options());
    await expect(uninstall(options())).rejects.toMatchObject({ kind: "conflict" });
    expect(machine().services).not.toEqual([]);
    await uninstall(options({ force: true }));
    expect([machine().services, machine().firewall.policy]).toEqual([[], null]);
  });

  test("a machine without a service manager is reported as such", async () => {
    writeFileSync(file, JSON.stringify({ serviceManager: null }));
    await expect(install(options())).rejects.toMatchObject({ kind: "unsupported" });
    await expect(services()).rejects.toMatchObject({ kind: "unsupported" });
  });

  test("the daemon is stopped and started; without an installation that is a mistake of use", async () => {
    await expect(control("start")).rejects.toMatchObject({ kind: "usage" });
    await install(options());
    await control("stop");
    expect((await services()).map(({ observed }) => observed.running)).toEqual([true, false, false, true]);
    await control("restart");
    expect((await services()).map(({ observed }) => observed.running)).toEqual([true, true, false, true]);
  });
});

describe("steps without a mark of their own", () => {
  function step(log: string[], there: boolean): InstallationStep {
    let isThere = there;
    return {
      what: "user awg",
      isAsWanted: async () => isThere,
      exists: async () => isThere,
      add: async () => {
        log.push("add");
        isThere = true;
      },
      remove: async () => {
        log.push("remove");
        isThere = false;
      },
      needsRecord: true,
    };
  }

  test("what was there before awg stays; what awg made goes", async () => {
    for (const there of [true, false]) {
      const log: string[] = [];
      const made: string[] = [];
      const steps = [step(log, there)];
      await addSteps(steps, false, (what) => made.push(what));
      const [report] = await removeSteps(steps, false, new Set(made));
      expect([there, log, report?.outcome]).toEqual(there ? [true, [], "left"] : [false, ["add", "remove"], "done"]);
    }
  });

  test("the record outlives the process, is root's alone, and counts as empty when broken", () => {
    const record = new InstallationRecord(join(folder, "state"));
    expect([...record.read()]).toEqual([]);
    record.add("user awg");
    record.add("folder /etc/awg");
    expect([...new InstallationRecord(join(folder, "state")).read()]).toEqual(["user awg", "folder /etc/awg"]);
    writeFileSync(join(folder, "state/installation.json"), '{"made":7}');
    expect([...record.read()]).toEqual([]);
    record.clear();
    record.clear();
  });

  test("a program that others than root may replace is reported", () => {
    const path = join(folder, "bin/awg");
    mkdirSync(dirname(path));
    writeFileSync(path, "");
    chmodSync(path, 0o777);
    expect(replaceableParts([path, "--flag"])).toContain(path);
    expect(replaceableParts(["--flag", "awg"])).toEqual([]);
  });
});

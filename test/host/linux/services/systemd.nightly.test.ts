import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { clausesOf } from "../../../contract/coverage.ts";
import type { ClauseRun } from "../../../contract/linux-clause.script.ts";
import { ROOT } from "../../../repository/sources.ts";
import { sampleConfig } from "../../../support/config.ts";
import { temporaryFolder } from "../../../support/folder.ts";
import { SystemdMachine, systemdObstacle, until } from "./systemd-in-namespaces.ts";

const obstacle = systemdObstacle();
const CLAUSES = join(ROOT, "test/contract/linux-clause.script.ts");
const CONFIG = sampleConfig(`default: { via: direct }
killSwitch: { enabled: true, atBoot: true }
service: { install: true }
`);
/** Looks at the packet filter when the network is about to be set up, before any service runs. */
const WITNESS = `[Unit]
DefaultDependencies=no
After=network-pre.target
Before=sysinit.target
[Service]
Type=oneshot
ExecStart=/bin/sh -c "/usr/sbin/nft list tables > /run/awg-test/witness; true"
`;

let kept: string;
let machine: SystemdMachine | undefined;

function mainPid(): string {
  return machine?.run(["systemctl", "show", "-p", "MainPID", "--value", "awg.service"]).stdout.trim() ?? "";
}

function tables(): string {
  return machine?.run(["nft", "list", "tables"]).stdout ?? "";
}

describe.skipIf(obstacle !== undefined)(
  `systemd as init (${obstacle ?? "a real one, in namespaces"})`,
  { timeout: 300_000 },
  () => {
    beforeEach(() => {
      kept = temporaryFolder("t-kept");
    });
    afterEach(async () => {
      await machine?.[Symbol.asyncDispose]();
      machine = undefined;
    });

    test("install, a second install, a killed daemon, stop and start, uninstall", async (context) => {
      machine = await SystemdMachine.boot(kept);
      if (machine === undefined) return context.skip("systemd does not come up in this environment");
      expect(machine.awg("install")).toMatchObject({ status: 0 });
      expect(
        await until(() => machine?.isActive("awg-keeper.service") === true && machine.isActive("awg.service")),
      ).toBe(true);
      expect(machine.run(["id", "awg"]).status).toBe(0);
      expect(machine.awg("install").stdout).not.toContain("added");

      // A service that restarts has the main pid 0, which kill(2) takes for its caller's process group.
      expect(await until(() => Number(mainPid()) > 1)).toBe(true);
      const first = mainPid();
      machine.run(["kill", "-9", first]);
      expect(await until(() => Number(mainPid()) > 1 && mainPid() !== first)).toBe(true);
      expect(await until(() => machine?.isActive("awg.service") === true)).toBe(true);
      expect(machine.awg("service", "stop").stdout).toContain("awg.service: not running");
      expect(machine.awg("service", "start").stdout).toContain("awg.service: running");

      expect(machine.awg("uninstall")).toMatchObject({ status: 0 });
      expect([machine.isActive("awg.service"), machine.isActive("awg-keeper.service")]).toEqual([false, false]);
      expect(machine.run(["find", "/etc/systemd/system", "-name", "awg*"]).stdout).toBe("");
      expect(machine.run(["id", "awg"]).status).not.toBe(0);
      expect(machine.read("/etc/awg/config.yaml")).toBeUndefined();
    });

    test("every clause of the contract about services", async (context) => {
      machine = await SystemdMachine.boot(kept);
      if (machine === undefined) return context.skip("systemd does not come up in this environment");
      const clauses = clausesOf("linux").flatMap(({ port, promise }, index) =>
        // Without root systemd cannot be asked here at all: no D-Bus runs.
        port !== "services" || promise.includes("without root") ? [] : [{ index, device: "" }],
      );
      const folder = "/run/awg-test";
      const run: ClauseRun = { clauses, uplink: "", folder, keeperCommand: [], systemd: true };
      const { stdout, stderr } = machine.run([process.execPath, CLAUSES], JSON.stringify(run));
      expect(clauses.length).toBeGreaterThan(4);
      expect(stderr).toBe("");
      expect(JSON.parse(stdout)).toEqual(Object.fromEntries(clauses.map(({ index }) => [index, null])));
    });

    test("law 1: at a boot the network is blocked before it is set up, until the policy is loaded", async (context) => {
      machine = await SystemdMachine.boot(kept, { "witness.service": WITNESS });
      if (machine === undefined) return context.skip("systemd does not come up in this environment");
      expect(machine.read("/run/awg-test/witness")).not.toContain("awg");
      machine.write("/etc/awg/config.yaml", CONFIG);
      const applied = machine.awg("apply", "-f", "/etc/awg/config.yaml", "--auto-approve");
      expect(applied).toMatchObject({ status: 0 });
      expect(machine.awg("diff", "-f", "/etc/awg/config.yaml")).toMatchObject({ status: 0 });
      machine.run(["systemctl", "disable", "awg-boot.service"]);
      const drift = machine.awg("diff", "-f", "/etc/awg/config.yaml");
      expect(drift.status).toBe(1);
      expect(drift.stdout).toContain("autostart/boot");
      machine.run(["systemctl", "enable", "awg-boot.service"]);

      await machine.cutPower(kept);
      machine = await SystemdMachine.boot(kept, { "witness.service": WITNESS });
      if (machine === undefined) throw new Error("systemd did not come up a second time");
      expect(machine.read("/run/awg-test/witness")).toBe("table inet awg_boot\n");
      expect(await until(() => /inet awg$/m.test(tables()) && !tables().includes("awg_boot"))).toBe(true);
      expect(machine.isActive("awg.service")).toBe(true);

      expect(machine.awg("uninstall", "--force")).toMatchObject({ status: 0 });
      expect(tables()).not.toContain("awg");
      expect(machine.run(["find", "/etc/systemd/system", "-name", "awg*"]).stdout).toBe("");
    });
  },
);

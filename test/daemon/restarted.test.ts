import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { beforeEach, describe, expect, test } from "vitest";
import type { HostOptions } from "../../src/app/host-options.ts";
import type { Planned } from "../../src/app/plan/planned.ts";
import { simulatedParts } from "../../src/compose/simulated-parts.ts";
import { daemonOutside } from "../../src/compose/start-daemon.ts";
import type { DaemonReport } from "../../src/daemon/daemon-report.ts";
import { keepHost } from "../../src/daemon/run-daemon.ts";
import { sampleConfig } from "../support/config.ts";
import { temporaryFolder } from "../support/folder.ts";
import { TestSession } from "../support/test-session.ts";

const LONGEST_MS = 30_000;
let folder = "";
beforeEach(() => {
  folder = temporaryFolder("restarted");
});

describe("law 4: a daemon that is started again", () => {
  test("leaves alone what was applied by hand after its file", async () => {
    const machine = machineIn(folder);
    await machine.apply(1000);
    machine.write(1000);
    await machine.runDaemon();
    await machine.apply(2000);
    const reported = await machine.runDaemon();
    expect(await machine.acceptedPorts()).toEqual([2000]);
    expect(reported).toContainEqual(expect.stringContaining("was proposed before"));
  });

  test("leaves alone a rollback and a destroy", async () => {
    const machine = machineIn(folder);
    for (const port of [1000, 2000]) {
      machine.write(port);
      await machine.runDaemon();
    }
    expect(await machine.acceptedPorts()).toEqual([2000]);
    await machine.carryOut((session) => session.planRollback(1));
    await machine.runDaemon();
    expect(await machine.acceptedPorts()).toEqual([1000]);
    await machine.carryOut((session) => session.planDestroy());
    await machine.runDaemon();
    expect(await machine.acceptedPorts()).toEqual([]);
  });

  test("proposes a file that was edited in between, also back to what it once said", async () => {
    const machine = machineIn(folder);
    for (const port of [1000, 2000, 1000]) {
      machine.write(port);
      expect(await machine.runDaemon()).toEqual([]);
      expect(await machine.acceptedPorts()).toEqual([port]);
    }
  });

  test("proposes a file that no daemon has proposed, whatever was applied and destroyed by hand before", async () => {
    const machine = machineIn(folder);
    await machine.apply(1000);
    await machine.carryOut((session) => session.planDestroy());
    machine.write(1000);
    await machine.runDaemon();
    expect(await machine.acceptedPorts()).toEqual([1000]);
  });

  test("B7: does not propose what was not confirmed", async () => {
    const machine = machineIn(folder);
    machine.write(1000);
    await machine.runDaemon();
    machine.write(2000);
    await machine.apply(2000, 60_000);
    await machine.session.revert({ onlyIfDue: false });
    await machine.runDaemon();
    expect(await machine.acceptedPorts()).toEqual([1000]);
    machine.write(3000);
    await machine.runDaemon();
    expect(await machine.acceptedPorts()).toEqual([3000]);
  });

  test("proposes its file where the record of it was lost or damaged", async () => {
    const machine = machineIn(folder);
    machine.write(1000);
    await machine.runDaemon();
    await machine.apply(2000);
    writeFileSync(join(folder, "state/proposed"), "nonsense", { mode: 0o600 });
    await machine.runDaemon();
    expect(await machine.acceptedPorts()).toEqual([1000]);
  });
});

/** A simulated machine with a state folder that outlives its daemons. */
function machineIn(place: string) {
  const options: HostOptions = { host: { kind: "simulated" }, allowInsecurePermissions: false, environment: {} };
  const parts = simulatedParts({ ...options, stateDir: join(place, "state") });
  const session = new TestSession(parts, options);
  const file = join(place, "a.yaml");
  const hooks = { onEvent: () => {}, shouldStop: () => undefined };
  return {
    session,
    write: (port: number) => writeFileSync(file, configText(port), { mode: 0o600 }),
    async apply(port: number, confirmWithinMs?: number): Promise<void> {
      const loaded = await session.load([{ name: "b.yaml", text: configText(port), mode: 0o600 }]);
      const asked = confirmWithinMs === undefined ? {} : { confirmWithinMs };
      await session.apply(await session.plan(loaded), { ...hooks, ...asked });
    },
    async carryOut(plan: (one: TestSession) => Promise<Planned>): Promise<void> {
      await session.apply(await plan(session), hooks);
    },
    /** A daemon's life until it rests; gives the problems it told of. */
    async runDaemon(): Promise<readonly string[]> {
      const stop = Promise.withResolvers<void>();
      const reports: DaemonReport[] = [];
      const report = (one: DaemonReport) => void reports.push(one);
      const running = keepHost(session.useCases(), {
        ...options,
        outside: daemonOutside(options),
        files: [file],
        report,
        untilStopped: stop.promise,
      });
      const rests = () => reports.some(({ type }) => type === "inSync");
      for (const endMs = performance.now() + LONGEST_MS; !rests(); await sleep(20))
        if (performance.now() > endMs) throw new Error(`the daemon does not rest: ${JSON.stringify(reports)}`);
      stop.resolve();
      await running;
      return reports.flatMap((one) => (one.type === "problem" ? [one.text] : []));
    },
    /** The ports that the accepted policy lets in. */
    async acceptedPorts(): Promise<readonly unknown[]> {
      const text = JSON.stringify((await session.acceptedGeneration())?.desired ?? {});
      return [1000, 2000, 3000].filter((port) => text.includes(`${port}`));
    },
  };
}

function configText(port: number): string {
  return sampleConfig(`default: { via: direct }
killSwitch: { enabled: true, allow: [{ direction: in, protocol: tcp, ports: [${port}] }] }
`);
}

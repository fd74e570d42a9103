import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { HostOptions } from "../../src/app/host-options.ts";
import { simulatedParts } from "../../src/compose/simulated-parts.ts";
import { daemonOutside } from "../../src/compose/start-daemon.ts";
import type { DaemonReport } from "../../src/daemon/daemon-report.ts";
import { keepHost } from "../../src/daemon/run-daemon.ts";
import { blockedPolicy } from "../../src/model/firewall/transition.ts";
import { sampleConfig } from "../support/config.ts";
import { temporaryFolder } from "../support/folder.ts";
import { TestSession } from "../support/test-session.ts";

const LONGEST_MS = 30_000;
describe("B6: a daemon that another awg overtakes", () => {
  test.each(["its file", "a state applied by hand"])(
    "does not undo the winner by a repair that it had planned towards %s",
    { timeout: 60_000 },
    async (towards) => {
      const folder = temporaryFolder("overtaken");
      const options: HostOptions = { host: { kind: "simulated" }, allowInsecurePermissions: false, environment: {} };
      const parts = simulatedParts({ ...options, stateDir: join(folder, "state") });
      await using session = new TestSession(parts, options);
      let overtake: (() => Promise<unknown>) | undefined;
      const useCases = session.useCases();
      /** Another awg's change overtakes the daemon once, between a plan and its apply. */
      const apply: typeof useCases.apply = async (...args) => {
        const once = overtake;
        overtake = undefined;
        await once?.();
        return useCases.apply(...args);
      };
      await using rival = new TestSession(parts, options);
      const applyByHand = async (port: number): Promise<void> => {
        const planned = await rival.plan(await rival.load([{ name: "b.yaml", text: configText(port), mode: 0o600 }]));
        await rival.apply(planned, { onEvent: () => {}, shouldStop: () => undefined });
      };
      const file = join(folder, "a.yaml");
      /** The same words again: nothing is edited, but the daemon looks. */
      const wake = (): void => writeFileSync(file, configText(1000), { mode: 0o600 });
      wake();
      const stop = Promise.withResolvers<void>();
      const reports: DaemonReport[] = [];
      const settled = async (from: number): Promise<void> => {
        const isSettled = (): boolean => {
          const types = reports.slice(from).map(({ type }) => type);
          return types.lastIndexOf("inSync") > types.lastIndexOf("woken");
        };
        for (const endMs = performance.now() + LONGEST_MS; !isSettled(); await new Promise((go) => setTimeout(go, 20)))
          if (performance.now() > endMs) throw new Error(`the daemon does not rest: ${JSON.stringify(reports)}`);
      };
      const running = keepHost(
        { ...useCases, apply },
        {
          ...options,
          outside: daemonOutside(options),
          files: [file],
          report: (report) => void reports.push(report),
          untilStopped: stop.promise,
        },
      );
      await settled(0);
      if (towards !== "its file") {
        const from = reports.length;
        await applyByHand(1001);
        wake();
        await settled(from);
      }
      const before = (await session.acceptedGeneration())?.number ?? 0;
      overtake = () => applyByHand(1002);
      const from = reports.length;
      // One that is whole, so that it takes a plan to put it right.
      await parts.host.firewall.load(blockedPolicy());
      wake();
      await settled(from);
      expect(overtake).toBeUndefined();
      expect(
        (await rival.plan(await rival.load([{ name: "b.yaml", text: configText(1002), mode: 0o600 }]))).plan.batches,
      ).toEqual([]);
      expect((await session.acceptedGeneration())?.number).toBe(before + 1);
      stop.resolve();
      await running;
    },
  );
});

function configText(port: number): string {
  return sampleConfig(`default: { via: direct }
killSwitch: { enabled: true, allow: [{ direction: in, protocol: tcp, ports: [${port}] }] }
`);
}

import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, test } from "vitest";
import type { HostOptions } from "../../src/app/host-options.ts";
import type { Watchdog } from "../../src/app/watchdog.ts";
import { simulatedParts } from "../../src/compose/simulated-parts.ts";
import { daemonOutside } from "../../src/compose/start-daemon.ts";
import { keepHost } from "../../src/daemon/run-daemon.ts";
import { DeadlineWatch } from "../../src/daemon/watch/deadline-watch.ts";
import { isInSync } from "../../src/model/plan.ts";
import { tunnelConfig } from "../support/config.ts";
import { temporaryFolder } from "../support/folder.ts";
import { TestSession } from "../support/test-session.ts";
import { VirtualTime } from "./virtual-time.ts";

// Fault B7: the old state comes back in time although the keeper, whose work it is, died.

const KEY = Buffer.alloc(32, 7).toString("base64");
describe("what waits to be confirmed", () => {
  test("B7: is reverted when the time is over, not before, and each look counts again", async () => {
    const time = new VirtualTime();
    const reported: string[] = [];
    using watch = watchWith(time, reported, async () => true);
    await watch.follow(60);
    await time.pass(30_000);
    await watch.follow(45);
    await time.pass(44_900);
    expect(reported).toEqual(["watched", "watched"]);
    await time.pass(200);
    expect(reported).toEqual(["watched", "watched", "reverted", "looks again"]);
    await time.pass(600_000);
    expect(reported).toHaveLength(4);
  });

  test("is left alone once it was confirmed, and where another was faster nothing is reported", async () => {
    const time = new VirtualTime();
    const reported: string[] = [];
    using watch = watchWith(time, reported, async () => false);
    await watch.follow(60);
    await watch.follow(undefined);
    await time.pass(100_000);
    expect(reported).toEqual(["watched"]);
    await watch.follow(0);
    await time.pass(1_000);
    expect(reported).toEqual(["watched", "reverted"]);
  });

  test("what fails is reported, wakes nothing and is tried at the next look", async () => {
    const time = new VirtualTime();
    const reported: string[] = [];
    using watch = watchWith(time, reported, async () => {
      throw new Error("no keeper");
    });
    await watch.follow(1);
    await time.pass(60_000);
    expect(reported).toEqual(["watched", "reverted", "reverting the unconfirmed change failed: no keeper"]);
    await watch.follow(0);
    await time.pass(100);
    expect(reported).toHaveLength(5);
  });
});

describe("a daemon beside an unconfirmed change", () => {
  test("B7, law 5: gives it another watchdog and reverts it itself, though its own files ask for that very state", {
    timeout: 60_000,
  }, async () => {
    const folder = temporaryFolder("deadline");
    writeFileSync(join(folder, "key"), `${KEY}\n`, { mode: 0o600 });
    const armed: number[] = [];
    const watchdog: Watchdog = {
      arm: async (deadlineMs) => void armed.push(deadlineMs),
      knows: async (deadlineMs) => isAlive && armed.includes(deadlineMs),
      disarm: async () => {},
    };
    let isAlive = true;
    const options: HostOptions = { host: { kind: "simulated" }, allowInsecurePermissions: false, environment: {} };
    const parts = { ...simulatedParts({ ...options, stateDir: join(folder, "state") }), watchdog };
    await using session = new TestSession(parts, options);
    const apply = async (text: string, confirmWithinMs?: number): Promise<void> => {
      const planned = await session.plan(await session.load([{ name: "a.yaml", text, mode: 0o600 }]));
      const asked = confirmWithinMs === undefined ? {} : { confirmWithinMs };
      await session.apply(planned, { onEvent: () => {}, shouldStop: () => undefined, ...asked });
    };
    await apply(configText(folder, 1400));
    await apply(configText(folder, 1300), 3_000);
    isAlive = false;
    const armedByApply = armed.length;
    const file = join(folder, "a.yaml");
    writeFileSync(file, configText(folder, 1300), { mode: 0o600 });

    const stop = Promise.withResolvers<void>();
    const problems: string[] = [];
    const running = keepHost(session.useCases(), {
      ...options,
      outside: daemonOutside(options),
      files: [file],
      report: (report) => {
        if (report.type === "problem") problems.push(report.text);
      },
      untilStopped: stop.promise,
    });
    const isBack = async (): Promise<boolean> =>
      (await session.secondsToConfirm()) === undefined && isInSync((await session.planAccepted()).plan);
    // Its drift timer is 30 s away and would look too late.
    const endMs = performance.now() + 20_000;
    while (!(await isBack()) && performance.now() < endMs) await sleep(50);
    expect(await isBack()).toBe(true);
    expect((await session.acceptedGeneration())?.number).toBe(1);
    expect(armed.length).toBeGreaterThan(armedByApply);
    expect(problems).toEqual([]);
    stop.resolve();
    await running;
  });
});

function watchWith(time: VirtualTime, reported: string[], revert: () => Promise<boolean>): DeadlineWatch {
  const session = {
    keepWatched: async () => void reported.push("watched"),
    revert: async () => {
      reported.push("reverted");
      return (await revert()) ? { generation: 1 } : undefined;
    },
  };
  return new DeadlineWatch(session, {
    setTimer: time.setTimer,
    report: (problem) => reported.push(problem),
    onReverted: () => reported.push("looks again"),
  });
}

function configText(folder: string, mtu: number): string {
  return tunnelConfig({ keyFile: join(folder, "key"), settings: [`mtu: ${mtu}`], addresses: "10.9.0.2/32" });
}

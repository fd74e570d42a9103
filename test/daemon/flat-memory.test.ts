import { existsSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { getHeapStatistics, setFlagsFromString } from "node:v8";
import { runInNewContext } from "node:vm";
import { describe, expect, test } from "vitest";
import type { HostOptions } from "../../src/app/host-options.ts";
import type { Planned } from "../../src/app/plan/planned.ts";
import { simulatedParts } from "../../src/compose/simulated-parts.ts";
import { type LoopPlan, ReconcileLoop } from "../../src/daemon/reconcile-loop.ts";
import { setTimer } from "../../src/daemon/timers.ts";
import { stepsOf } from "../../src/model/plan.ts";
import { SECOND_PEER_KEY, sampleConfig } from "../support/config.ts";
import { temporaryFolder } from "../support/folder.ts";
import { TestSession } from "../support/test-session.ts";

/** Compilers and caches settle before the first look. */
const WARM_UP = 400;
const RECONCILES = 250;
/** One in so many finds that somebody changed a device, and repairs it. */
const REPAIR_EVERY = 10;
/** Of what is kept after a collection: 4 KiB a reconcile would be more. */
const SLACK_BYTES = 700 * 1024;
const SLACK_DESCRIPTORS = 20;

const folder = temporaryFolder("flat");
setFlagsFromString("--expose-gc");
const collect = runInNewContext("gc") as () => void;

interface TestPlan extends LoopPlan {
  readonly planned: Planned;
}

function configText(): string {
  const tunnels = [1, 2].map(
    (number) => `  t${number}:
    protocol: wireguard
    privateKey: { file: ${join(folder, "key")} }
    addresses: [10.200.${number}.2/32]
    peers:
      - publicKey: ${SECOND_PEER_KEY}
        endpoint: 192.0.2.${number}:51820
        allowedIPs: [${number === 1 ? "0.0.0.0/0" : "10.20.0.0/16"}]`,
  );
  return sampleConfig(`tunnels:\n${tunnels.join("\n")}\ndefault: { via: t1 }\nkillSwitch: { enabled: true }\n`);
}

function held() {
  collect();
  const descriptors = existsSync("/proc/self/fd") ? readdirSync("/proc/self/fd").length : 0;
  return { heap: getHeapStatistics().used_heap_size, descriptors };
}

describe("the daemon's loop", () => {
  test("B11, B16: after hundreds of reconciles and repairs it holds no more memory and descriptors than before", {
    timeout: 240_000,
  }, async () => {
    writeFileSync(join(folder, "key"), `${Buffer.alloc(32, 7).toString("base64")}\n`, { mode: 0o600 });
    const options: HostOptions = { host: { kind: "simulated" }, allowInsecurePermissions: false, environment: {} };
    const parts = simulatedParts({ ...options, stateDir: join(folder, "state") });
    await using session = new TestSession(parts, options);
    const hooks = { onEvent: () => {}, shouldStop: () => undefined };
    const first = await session.plan(await session.load([{ name: "a.yaml", text: configText(), mode: 0o600 }]));
    await session.apply(first, hooks);
    const link = first.desired.resources.find(({ kind }) => kind === "link");
    if (link?.kind !== "link") throw new Error("no device is wanted");

    let settled = Promise.withResolvers<void>();
    let applied = 0;
    const loop = new ReconcileLoop<TestPlan>(
      {
        plan: async () => {
          const planned = await session.planAccepted();
          return { planned, proposed: true, keys: stepsOf(planned.plan).map(({ key }) => key) };
        },
        apply: async ({ planned }) => void (await session.apply(planned, hooks)),
      },
      {
        report: (report) => {
          if (report.type === "inSync") settled.resolve();
          if (report.type === "applied") applied += 1;
          if (report.type === "stalled") settled.reject(new Error(report.reason));
        },
        nowMs: () => performance.now(),
        random: () => 0.5,
        setTimer,
        limits: () => ({ quietMs: 0, longestMs: 0 }),
      },
    );
    const reconcile = async (count: number): Promise<void> => {
      for (let done = 0; done < count; done += 1) {
        if (done % REPAIR_EVERY === 0)
          await parts.host.links.ensure({ ...link.spec, mtuBytes: link.spec.mtuBytes - 1 });
        settled = Promise.withResolvers<void>();
        loop.wake("test");
        await settled.promise;
      }
    };
    await reconcile(WARM_UP);
    const before = held();
    await reconcile(RECONCILES);
    const after = held();
    await loop.stop();
    expect(applied).toBe(Math.ceil(WARM_UP / REPAIR_EVERY) + RECONCILES / REPAIR_EVERY);
    expect(after.heap - before.heap, `from ${before.heap} bytes`).toBeLessThan(SLACK_BYTES);
    expect(after.descriptors - before.descriptors).toBeLessThan(SLACK_DESCRIPTORS);
  });
});

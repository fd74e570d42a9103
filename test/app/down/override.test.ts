import { describe, expect, test } from "vitest";
import { applyPlanned } from "../../../src/app/apply/apply-planned.ts";
import { planDownChange, planPause } from "../../../src/app/down/change-down.ts";
import { endOverride } from "../../../src/app/down/end-override.ts";
import { settleWatchdog } from "../../../src/app/down/override.ts";
import { longestPauseSeconds, withPause } from "../../../src/app/down/pause.ts";
import type { HostParts } from "../../../src/app/parts.ts";
import { planEndOfOverride } from "../../../src/app/plan/planner.ts";
import { renderRestored, restorePolicy } from "../../../src/app/protect/restore-policy.ts";
import { type SimulatedBench, stepTexts, useSimulatedBench } from "../../compose/simulated-bench.ts";
import { configOf } from "../../resources/sample.ts";
import type { TestSession } from "../../support/test-session.ts";

const newBench = useSimulatedBench();

/** A session with a daemon beside it, `laterMs` from now, in this boot. */
function partsOf({ host }: TestSession, { laterMs = 0, bootId = "one" } = {}): HostParts {
  const { parts } = host;
  const bootMs = () => performance.now() + laterMs;
  const daemon = { take: () => Promise.reject(new Error("taken")), read: async () => ({ pid: 1 }) };
  return { ...parts, daemon, bootId: () => bootId, clock: { ...parts.clock, bootMs } };
}

const TEXT = (bench: SimulatedBench, more = "") => bench.config({ office: {}, home: {} }, more);

async function pause(bench: SimulatedBench, text: string, forMs = 60_000): Promise<void> {
  await bench.ask(async (session) => {
    const loaded = await session.load([{ name: "awg.yaml", text, mode: 0o600 }]);
    const planned = await planPause(partsOf(session), loaded, forMs);
    await session.apply(planned, { onEvent: () => {}, shouldStop: () => undefined });
  });
}

describe("a state that holds for a time", () => {
  test("ends after its time, or in another boot; a rollback skips it", async () => {
    const bench = newBench();
    const text = TEXT(bench);
    await bench.apply(text);
    await pause(bench, text);
    const ending = (clocks: Parameters<typeof partsOf>[1]) =>
      bench.ask((session) => planEndOfOverride(partsOf(session, clocks)));
    expect(await ending({})).toBeUndefined();
    for (const clocks of [{ laterMs: 61_000 }, { bootId: "two" }]) {
      const planned = await ending(clocks);
      expect(planned?.desired.override).toBeUndefined();
      expect(stepTexts(planned as NonNullable<typeof planned>)).toContain("update firewall/machine");
    }
    await expect(bench.rollback(2)).rejects.toThrow("generation 2 held for a limited time only");
  });

  test("a repair and an apply of the same config keep it; another config ends it", async () => {
    const bench = newBench();
    const text = TEXT(bench);
    await bench.apply(text);
    await pause(bench, text);
    const planned = (one: string, laterMs = 0) =>
      bench.ask(async (session) => {
        const loaded = await session.load([{ name: "awg.yaml", text: one, mode: 0o600 }]);
        const { planConfig } = await import("../../../src/app/plan/planner.ts");
        return planConfig(partsOf(session, { laterMs }), loaded);
      });
    expect(stepTexts(await planned(text))).toEqual([]);
    expect((await planned(text)).desired.override).toMatchObject({ what: "pause", back: 1 });
    expect((await planned(`${text}\nname: other\n`)).desired.override).toBeUndefined();
    expect((await planned(text, 61_000)).desired.override).toBeUndefined();
  });

  test("law 1: once a pause is over, a look loads what both states allow, and does so once", async () => {
    const bench = newBench();
    const text = TEXT(bench);
    await bench.apply(text);
    await pause(bench, text);
    const look = (clocks: Parameters<typeof partsOf>[1]) =>
      bench.ask((session) => restorePolicy(partsOf(session, clocks)));
    expect(await look({})).toBeUndefined();
    const found = await look({ bootId: "two" });
    expect(found && renderRestored(found)).toBe("the pause is over; the kill switch is closed again");
    expect(await look({ bootId: "two" })).toBeUndefined();
  });

  test("is ended by the keeper if the daemon has not; another change in between keeps its watch", async () => {
    const bench = newBench();
    const text = TEXT(bench);
    await bench.apply(text);
    const armed: (number | undefined)[] = [];
    const watchdog = {
      arm: async (deadlineMs: number) => void armed.push(deadlineMs),
      knows: async () => true,
      disarm: async () => void armed.push(undefined),
    };
    const hooks = { onEvent: () => {}, shouldStop: () => undefined };
    const within = (laterMs: number, act: (parts: HostParts, session: TestSession) => Promise<unknown>) =>
      bench.ask((session) => act({ ...partsOf(session, { laterMs }), watchdog }, session));
    await within(0, async (parts, session) => {
      const loaded = await session.load([{ name: "awg.yaml", text, mode: 0o600 }]);
      const planned = await planPause(parts, loaded, 60_000);
      await applyPlanned(parts, { planned }, hooks, () => {});
      expect(new Set(armed)).toEqual(new Set([(planned.desired.override?.endsBootMs ?? 0) + 2_000]));
    });
    const [deadlineMs] = armed.splice(0);
    await within(1_000, settleWatchdog);
    expect(armed.splice(0)).toEqual([deadlineMs]);
    expect(await within(1_000, endOverride)).toBeUndefined();
    expect(await within(62_000, endOverride)).toEqual({ generation: 3, drifted: [] });
    expect(armed).toEqual([undefined]);
    expect(await within(63_000, endOverride)).toBeUndefined();
  });

  test("is refused without a daemon, for no time, and for longer than the config allows", async () => {
    const bench = newBench();
    const text = TEXT(bench).replace("killSwitch: { enabled: true", "killSwitch: { enabled: true, longestPause: 1m");
    await bench.apply(text);
    await expect(pause(bench, text, 0)).rejects.toThrow("--for 0 is no time");
    await expect(pause(bench, text, 61_000)).rejects.toThrow("a pause of 61 s is longer than this config allows");
    const alone = bench.ask(async (session) => {
      const loaded = await session.load([{ name: "awg.yaml", text, mode: 0o600 }]);
      return planDownChange(session.host.parts, loaded, { isDown: true, forMs: 1000 });
    });
    await expect(alone).rejects.toMatchObject({ kind: "unreachable" });
    const none = text.replace("longestPause: 1m", "longestPause: 0");
    await bench.apply(none);
    await expect(pause(bench, none)).rejects.toThrow("this config allows no pause");
  });
});

describe("a paused config", () => {
  const TUNNEL =
    'tunnels: { office: { protocol: wireguard, privateKey: { env: K }, addresses: [10.8.0.2/32], peers: [{ publicKey: "4S2kTW2rNBqTfqBGBZmHCD8Rk1nkC+0YyYbEXz6pZ0s=", endpoint: "192.0.2.1:51820", allowedIPs: [0.0.0.0/0] }] } }';
  const config = (rules: string) =>
    configOf(`${TUNNEL}
rules: [${rules}]
default: { via: office, fallback: block }
killSwitch: { enabled: true }
dns: { servers: [10.8.0.1], via: office }
`);

  test("sends direct what a tunnel carries; what is always dropped or blocked stays so", () => {
    const written = config(
      "{ destinations: [10.1.0.0/16], via: office, fallback: drop }, { destinations: [10.2.0.0/16], via: block }",
    );
    const paused = withPause(written);
    expect([...paused.rules, paused.default].map(({ via }) => via.kind)).toEqual(["block", "block", "direct"]);
    expect(paused.dns).toBeUndefined();
    expect(Object.keys(paused.tunnels)).toEqual(["office"]);
    expect(longestPauseSeconds(written)).toBe(3600);
  });

  test("keeps DNS behind its tunnel where rules name domains", () => {
    const paused = withPause(config("{ destinations: [{ domain: corp.example }], via: block }"));
    expect(paused.dns?.via).toEqual({ kind: "tunnel", tunnel: "office" });
  });
});

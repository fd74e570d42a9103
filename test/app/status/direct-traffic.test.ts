import { describe, expect, test } from "vitest";
import { type DeviceSwitch, DIRECT, fallBackAccepted } from "../../../src/app/apply/fallback.ts";
import { planDownChange, planPause } from "../../../src/app/down/change-down.ts";
import type { Status } from "../../../src/app/status/status-report.ts";
import { renderStatus, statusDocument } from "../../../src/cli/verbs/inspect/status.view.ts";
import { styleFor } from "../../../src/cli/views/style.ts";
import { renderMetrics } from "../../../src/http/metrics.ts";
import { type SimulatedBench, useSimulatedBench } from "../../compose/simulated-bench.ts";
import type { TestSession } from "../../support/test-session.ts";

type Loaded = Parameters<typeof planPause>[1];

const newBench = useSimulatedBench();
const plain = styleFor(false);
const TO_DIRECT = { device: "awg-office", to: DIRECT };

const statusOf = (bench: SimulatedBench) => bench.ask((session) => session.status());
const protectedOf = ({ conditions }: Status) => conditions.find(({ type }) => type === "Protected");

function configOf(bench: SimulatedBench, fallback: string, more = ""): string {
  const config = bench.config({ office: {}, home: {} }, more);
  return config.replace("default: { via: office }", `default: { via: office, fallback: ${fallback} }`);
}

/** A host with a switch in force, as the daemon puts it there. */
async function fallenBench(fallback: string, switches: readonly DeviceSwitch[], more = ""): Promise<SimulatedBench> {
  const bench = newBench();
  await bench.apply(configOf(bench, fallback, more));
  await bench.ask(async ({ host: { parts } }) => {
    await fallBackAccepted(parts, switches, false);
    await parts.close();
  });
  return bench;
}

describe("a fallback to direct", () => {
  test("is not protected, while it is in force", async () => {
    const before = await statusOf(await fallenBench("direct", []));
    expect(protectedOf(before)).toMatchObject({ status: true, reason: "KillSwitchOn" });
    const status = await statusOf(await fallenBench("direct", [TO_DIRECT]));
    const message = "the server of office does not answer; its traffic goes direct until it does";
    expect(protectedOf(status)).toMatchObject({ status: false, reason: "FallbackDirect", message });
    expect(renderStatus(status, plain)).toContain(`  Protected:  no   ${message}\n`);
    expect(renderStatus(status, plain)).toContain("\nawg-office is down: default goes direct until it is up.\n");
    expect(renderMetrics(statusDocument(status))).toContain('awg_tunnel_fallback{tunnel="office",to="direct"} 1\n');
    expect(statusDocument(status).fallback).toEqual([
      { device: "awg-office", by: null, rules: ["default"], tunnel: "office", to: "direct" },
    ]);
  });

  test("that another tunnel makes needless leaves it protected, as one to that tunnel", async () => {
    const toHome = { device: "awg-office", to: "awg-home" };
    const status = await statusOf(await fallenBench("{ failover: [home] }", [toHome]));
    expect(protectedOf(status)).toMatchObject({ status: true, reason: "KillSwitchOn" });
    expect(statusDocument(status).fallback).toMatchObject([{ by: "awg-home", tunnel: "office", to: "home" }]);
  });

  test("has no other condition behind it", async () => {
    const bench = await fallenBench("direct", [TO_DIRECT]);
    bench.meddle((text) => text.replaceAll(/"mtuBytes": ?1400/g, '"mtuBytes":1280'));
    const { conditions } = await statusOf(bench);
    expect(conditions.find(({ type }) => type === "Drifted")?.status).toBe(true);
    expect(protectedOf({ conditions } as Status)?.causedBy).toBeUndefined();
  });
});

describe("a tunnel that awg down took down", () => {
  const change = async (bench: SimulatedBench, fallback: string, plan: typeof planDown) =>
    bench.ask(async (session) => {
      const text = configOf(bench, fallback);
      const loaded = await session.load([{ name: "awg.yaml", text, mode: 0o600 }]);
      const planned = await plan(session, loaded);
      await session.apply(planned, { onEvent: () => {}, shouldStop: () => undefined });
    });
  const planDown = async (session: TestSession, loaded: Loaded) =>
    (await planDownChange(session.host.parts, loaded, { tunnel: "office", isDown: true })).planned;
  const planPaused = ({ host: { parts } }: TestSession, loaded: Loaded) => {
    const daemon = { take: () => Promise.reject(new Error("taken")), read: async () => ({ pid: 1 }) };
    return planPause({ ...parts, daemon, bootId: () => "one" }, loaded, 60_000);
  };

  test("is not protected where its fallback is direct; no rule of the config says so", async () => {
    const bench = await fallenBench("direct", []);
    await change(bench, "direct", planDown);
    const status = await statusOf(bench);
    expect(protectedOf(status)).toMatchObject({
      status: false,
      reason: "FallbackDirect",
      message: "office is down on request; its traffic goes direct until awg up",
    });
    expect(status.directRules).toBeUndefined();
  });

  test("is protected where its traffic is blocked", async () => {
    const bench = await fallenBench("block", []);
    await change(bench, "block", planDown);
    expect(protectedOf(await statusOf(bench))).toMatchObject({ status: true, reason: "KillSwitchOn" });
  });

  test("and a pause: no rule of the config sends that traffic direct", async () => {
    const bench = await fallenBench("block", []);
    await change(bench, "block", planPaused);
    const status = await statusOf(bench);
    expect(protectedOf(status)).toMatchObject({ status: false, reason: "Paused" });
    expect(status.directRules).toBeUndefined();
  });
});

describe("rules that go direct", () => {
  const RULES = `rules:
  - { name: backup, destinations: [192.0.2.77/32, 192.0.2.78/32], via: direct }
  - { destinations: [192.0.2.80/32], via: direct }
  - { name: mail, protocol: tcp, ports: [25], via: block }
`;

  test("are named in the document and in one line", async () => {
    const status = await statusOf(await fallenBench("block", [], RULES));
    expect(statusDocument(status).directRules).toEqual(["rules/0 (backup)", "rules/1"]);
    expect(renderStatus(status, plain)).toContain("\nDirect by rule: backup, rules/1\n");
    expect(protectedOf(status)?.status).toBe(true);
  });

  test("a default that goes direct is among them; where none does there is no line", async () => {
    const bench = newBench();
    const config = bench.config({ office: {} }, RULES);
    await bench.apply(config.replace("default: { via: office }", "default: { via: direct }"));
    expect(statusDocument(await statusOf(bench)).directRules.at(-1)).toBe("default");
    const none = await statusOf(await fallenBench("direct", []));
    expect(statusDocument(none).directRules).toEqual([]);
    expect(renderStatus(none, plain)).not.toContain("Direct by rule");
  });
});

import { describe, expect, test } from "vitest";
import { type DeviceSwitch, DIRECT, fallBackAccepted } from "../../../src/app/apply/fallback.ts";
import type { Status } from "../../../src/app/status/status-report.ts";
import { renderStatus, statusDocument } from "../../../src/cli/verbs/inspect/status.view.ts";
import { styleFor } from "../../../src/cli/views/style.ts";
import { type SimulatedBench, useSimulatedBench } from "../../compose/simulated-bench.ts";

const newBench = useSimulatedBench();
const plain = styleFor(false);
const TO_DIRECT = { device: "awg-office", to: DIRECT };

const statusOf = (bench: SimulatedBench) => bench.ask((session) => session.status());
const protectedOf = ({ conditions }: Status) => conditions.find(({ type }) => type === "Protected");

/** A host with a switch in force, as the daemon puts it there. */
async function fallenBench(fallback: string, switches: readonly DeviceSwitch[], more = ""): Promise<SimulatedBench> {
  const bench = newBench();
  const config = bench.config({ office: {}, home: {} }, more);
  await bench.apply(config.replace("default: { via: office }", `default: { via: office, fallback: ${fallback} }`));
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

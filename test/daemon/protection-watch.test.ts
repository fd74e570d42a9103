import { expect, test } from "vitest";
import { type ProtectionReport, ProtectionWatch } from "../../src/daemon/notice/protection-watch.ts";
import type { DesiredState } from "../../src/model/resources/desired-state.ts";
import { LAPTOP } from "../model/firewall/policies.ts";

const ON: DesiredState = { resources: [{ kind: "firewall", key: "firewall/machine", spec: LAPTOP }] };
const OFF: DesiredState = { resources: [] };
const PAUSED: DesiredState = { ...ON, override: { what: "pause", endsMs: 1, endsBootMs: 1, bootId: "", back: 1 } };

function watched(act: (watch: ProtectionWatch) => void): readonly ProtectionReport[] {
  const reports: ProtectionReport[] = [];
  act(new ProtectionWatch((report) => reports.push(report)));
  return reports;
}

test("each change between protected and not is reported once, and the first state never", () => {
  const reports = watched((watch) => {
    for (const state of [OFF, OFF, ON, ON, PAUSED, PAUSED, ON, OFF]) watch.follow(state);
  });
  expect(reports.map(({ holds, reason }) => [holds, reason])).toEqual([
    [true, "KillSwitchOff"],
    [false, "Paused"],
    [true, "Paused"],
    [false, "KillSwitchOff"],
  ]);
});

test("a fallback to direct is no protection until it ends; one to another tunnel is", () => {
  const to = (by: string | null) => ({ switches: [{ device: "awg-office", by }] });
  const reports = watched((watch) => {
    watch.follow(ON);
    watch.noteFallback(to("awg-home"));
    watch.noteFallback(to(null));
    watch.follow(ON);
    watch.follow(PAUSED);
    watch.follow(ON);
    watch.noteFallback({ switches: [] });
  });
  expect(reports.map(({ holds, reason }) => [holds, reason])).toEqual([
    [false, "FallbackDirect"],
    [false, "Paused"],
    [false, "FallbackDirect"],
    [true, "FallbackDirect"],
  ]);
});

test("awg down is no protection while its fallback sends traffic direct", () => {
  const { steering, ...policy } = LAPTOP;
  const open = { ...policy, steering: { ...steering, default: { kind: "direct" } as const } };
  const down: DesiredState = {
    resources: [{ kind: "firewall", key: "firewall/machine", spec: open }],
    down: ["office"],
    directForNow: ["default"],
  };
  const reports = watched((watch) => {
    for (const state of [ON, down, ON]) watch.follow(state);
  });
  expect(reports.map(({ holds, reason }) => [holds, reason])).toEqual([
    [false, "FallbackDirect"],
    [true, "FallbackDirect"],
  ]);
});

test("a filter that could not be loaded again is lost until it is", () => {
  const reports = watched((watch) => {
    watch.follow(ON);
    watch.noteGuard({ restored: "yes" });
    watch.noteGuard({ restored: "no" });
    watch.follow(ON);
    watch.noteGuard({ restored: "blocked" });
    watch.follow(ON);
  });
  expect(reports.map(({ holds, reason }) => [holds, reason])).toEqual([
    [false, "FilterLost"],
    [true, "FilterLost"],
  ]);
});

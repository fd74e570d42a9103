import { describe, expect, test } from "vitest";
import { withDaemon } from "../../../src/app/status/conditions/daemon-conditions.ts";
import type { Condition } from "../../../src/app/status/status-report.ts";
import type { DaemonRecord } from "../../../src/state/daemon/daemon-file.ts";

const FOUGHT = { keys: ["routes/policy"], by: [], sinceMs: 1 };
const drifted = (...keys: string[]): Condition => {
  return { type: "Drifted", status: true, reason: "ChangedOutside", message: "", keys };
};
const notReady = (reason: Condition["reason"], ...keys: string[]): Condition => {
  return { type: "Ready", status: false, reason, message: "", keys };
};
const stalled: Condition = { type: "Stalled", status: true, reason: "OpenChange", message: "" };

function causeOf(type: string, conditions: readonly Condition[], daemon: Partial<DaemonRecord> = {}) {
  return withDaemon(conditions, { pid: 1, ...daemon }).find((one) => one.type === type)?.causedBy;
}

describe("law 9: a root cause hides its consequences", () => {
  test("differences come from the change that was interrupted", () => {
    expect(causeOf("Drifted", [drifted("link/a"), stalled])).toBe("Stalled");
    expect(causeOf("Ready", [drifted("link/a"), notReady("NotAsApplied", "link/a")])).toBe("Drifted");
  });

  test("a fight explains what it is about, and nothing else", () => {
    const daemon = { contended: FOUGHT };
    expect(causeOf("Drifted", [drifted("routes/policy")], daemon)).toBe("Contended");
    expect(causeOf("Drifted", [drifted("routes/policy", "link/a")], daemon)).toBeUndefined();
  });

  test("a tunnel without an answer has no cause but the login page", () => {
    expect(causeOf("Ready", [notReady("Waiting", "tunnel/a"), drifted("link/b")])).toBeUndefined();
    const portal = { url: "http://192.0.2.1/login", isOpen: true, sinceMs: 1 };
    const [ready] = withDaemon([notReady("Waiting", "tunnel/a")], { pid: 1, portal });
    expect(ready).toMatchObject({ reason: "LoginPage", message: expect.stringContaining(portal.url) });
  });

  test("a daemon at work is reconciling", () => {
    const rest: Condition = { type: "Reconciling", status: false, reason: "AtRest", message: "" };
    const doing = { phase: "repairing", sinceMs: 5, keys: ["link/a"] } as const;
    const conditions = withDaemon([drifted("link/a"), rest], { pid: 1, doing });
    expect(conditions.find(({ type }) => type === "Reconciling")).toMatchObject({ status: true, reason: "Repairing" });
    expect(conditions[0]?.causedBy).toBe("Reconciling");
  });
});

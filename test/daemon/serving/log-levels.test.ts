import { expect, test } from "vitest";
import { parseQuestion } from "../../../src/api/daemon-lines.ts";
import { componentOf, LogLevels, levelOf } from "../../../src/daemon/serving/log-levels.ts";
import { Published } from "../../../src/daemon/serving/published.ts";

const WOKEN = { type: "woken", reasons: ["start"] } as const;
const STALLED = { type: "stalled", reason: "x", retryInMs: 1 } as const;
const GUARDED = { type: "guarded", wrong: "the packet filter was gone", restored: "yes" } as const;
const applying = (...keys: string[]) => ({ type: "applying", keys, proposed: false }) as const;

test("a report belongs to a component, by its resources, and has a level", () => {
  expect(componentOf(applying("link/office", "tunnel/office"))).toBe("AWG");
  expect(componentOf(applying("firewall/machine"))).toBe("Rule");
  expect(componentOf(applying("routes/policy"))).toBe("Router");
  expect(componentOf(applying("proxy/home"))).toBe("Proxy");
  expect(componentOf(applying("routes/policy", "resolver/machine"))).toBe("Core");
  expect([WOKEN, STALLED, GUARDED, applying()].map(levelOf)).toEqual(["debug", "error", "warn", "info"]);
});

test("a level holds for all components, or for one", () => {
  const levels = new LogLevels("debug");
  const shown = () => [WOKEN, STALLED, GUARDED].map((report) => levels.shows(report));
  expect(shown()).toEqual([true, true, true]);
  levels.set("warn");
  expect(shown()).toEqual([false, true, true]);
  levels.set("error", "Rule");
  expect(shown()).toEqual([false, true, false]);
});

test("an admin of the daemon's socket changes it, a viewer does not", () => {
  const levels = new LogLevels("debug");
  const published = new Published(0, async () => ({}), levels);
  const ask = (role: "admin" | "viewer", text: string) => {
    const lines: unknown[] = [];
    published.converse((line) => lines.push(line), role).ask(parseQuestion(text));
    return lines;
  };
  const question = '{"id":1,"ask":"log-level","level":"error"}';
  expect(ask("viewer", question)).toEqual([{ id: 1, error: "only an admin may change the log level" }]);
  expect(levels.shows(GUARDED)).toBe(true);
  expect(ask("admin", question)).toEqual([{ id: 1, answer: { level: "error" } }]);
  expect(levels.shows(GUARDED)).toBe(false);
  expect(() => parseQuestion('{"id":1,"ask":"log-level","level":"loud"}')).toThrow("level is one of");
  expect(() => parseQuestion('{"id":1,"ask":"log-level","level":"info","component":"Disk"}')).toThrow("component is");
});

import { expect, test } from "vitest";
import {
  type Link,
  type LinkEffect,
  type LinkInput,
  STOPPED,
  stepLink,
  TIMES,
} from "../../src/client/link/link-machine.ts";

/** Runs inputs one after the other; the effects of the last. */
function after(...inputs: readonly LinkInput[]): { readonly link: Link; readonly effects: readonly LinkEffect[] } {
  let step = { link: STOPPED, effects: [] as readonly LinkEffect[] };
  for (const input of inputs) step = { ...stepLink(step.link, input) };
  return step;
}

const event = (name: string, data: unknown, id = "a-1"): LinkInput => ({
  type: "event",
  event: { name, data: JSON.stringify(data), id },
});
const start = { type: "start" } as const;
const opened = { type: "opened" } as const;
const lost = { type: "lost", message: "gone" } as const;

test("the times are those of the contract", () => {
  expect(TIMES).toMatchObject({ reconnectMs: 3_000, idleMs: 15_000, pollMs: 2_000 });
});

test("it starts with the stream and one query", () => {
  expect(after(start).effects).toEqual([{ do: "open" }, { do: "timer", time: "idleMs" }, { do: "ask" }]);
  expect(after(start, start).effects).toEqual([]);
});

test("the query fills the gap, and never replaces what the stream sent", () => {
  expect(after(start, { type: "asked", status: 1 }).effects).toEqual([
    { do: "available", available: true },
    { do: "status", status: 1 },
  ]);
  const answered = [start, opened, event("vpn-status-changed", { generation: 2 })] as const;
  expect(after(...answered, { type: "asked", status: { generation: 1 } }).effects).toEqual([]);
  expect(after(start, { type: "askFailed", message: "no" }).effects).toEqual([]);
});

test("every byte feeds the idle limit; silence ends the connection", () => {
  expect(after(start, opened, { type: "bytes" }).effects).toEqual([{ do: "timer", time: "idleMs" }]);
  const silent = after(start, opened, { type: "timer" });
  expect(silent.link.phase).toBe("waiting");
  expect(silent.effects).toEqual([
    { do: "close" },
    { do: "timer", time: "reconnectMs" },
    { do: "available", available: false, message: "awg sent nothing for 15 s" },
  ]);
});

test("a lost connection is opened again after the place that it had, without another query", () => {
  const events = [start, opened, event("daemon", { type: "inSync" }, "a-7"), lost] as const;
  expect(after(...events, { type: "timer" }).effects).toEqual([
    { do: "open", lastEventId: "a-7" },
    { do: "timer", time: "idleMs" },
  ]);
  expect(after(start, lost, { type: "timer" }, lost).effects).toEqual([
    { do: "close" },
    { do: "timer", time: "reconnectMs" },
  ]);
});

test("where there are no events it polls, and tries for events again after a failure", () => {
  const polling = [start, { type: "noEvents" }] as const;
  expect(after(...polling).effects).toContainEqual({ do: "ask" });
  expect(after(...polling, { type: "asked", status: 1 }).effects).toContainEqual({ do: "timer", time: "pollMs" });
  expect(after(...polling, { type: "asked", status: 1 }, { type: "timer" }).effects).toEqual([{ do: "ask" }]);
  expect(after(...polling, { type: "askFailed", message: "no" }).link.phase).toBe("waiting");
});

test("the status under its older name is not reported twice", () => {
  const once = [start, opened, event("vpn-status-changed", { generation: 2 }, "a-4")] as const;
  expect(after(...once).effects).toEqual([{ do: "status", status: { generation: 2 } }]);
  expect(after(...once, event("status", { generation: 2 }, "a-4")).effects).toEqual([]);
  expect(after(start, opened, event("status", { generation: 3 }, "a-5")).effects).toHaveLength(1);
});

test.each([
  ["vpn-status-changed", "{"],
  ["snapshot", "null"],
  ["service-state-changed", "[]"],
  ["status", "null"],
  ["unknown", "{}"],
])("%s with %s reports no status", (name, data) => {
  const { effects } = after(start, opened, { type: "event", event: { name, data, id: "x" } });
  expect(effects.filter((one) => one.do === "status" || one.do === "event")).toEqual([]);
});

test("once stopped, nothing happens any more", () => {
  expect(after(start, opened, { type: "stop" }).effects).toEqual([{ do: "close" }, { do: "timer", time: undefined }]);
  const late: readonly LinkInput[] = [{ type: "stop" }, opened, lost, { type: "timer" }, event("daemon", {})];
  for (const input of late) expect(after(start, { type: "stop" }, input)).toEqual({ link: STOPPED, effects: [] });
});

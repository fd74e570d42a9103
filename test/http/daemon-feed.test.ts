import { setTimeout as sleep } from "node:timers/promises";
import { expect, test, vi } from "vitest";
import type { DaemonLine, DaemonQuestion } from "../../src/api/daemon-lines.ts";
import { DaemonFeed, type FeedEvent } from "../../src/http/daemon-feed.ts";

const at = "2026-01-01T00:00:00.000Z";

test("clients learn of a daemon that is gone, and of the one after it, without a gap", async () => {
  const rounds: DaemonLine[][] = [
    [
      { id: 1, place: "a-1", snapshot: { state: {}, status: { generation: 1 } } },
      { id: 1, place: "a-2", event: { type: "inSync", at } },
    ],
    [{ id: 1, place: "b-0", snapshot: { state: {}, status: { generation: 2 } } }],
  ];
  const feed = new DaemonFeed(async function* () {
    yield* rounds.shift() ?? [];
    throw new Error("gone");
  }, 20);
  const seen: FeedEvent[] = [];
  using _following = feed.follow((event) => seen.push(event));
  await vi.waitFor(() => expect(seen.length).toBeGreaterThanOrEqual(7));
  expect(seen.slice(0, 7).map(({ name, data }) => [name, data])).toEqual([
    ["service-state-changed", { available: true }],
    ["vpn-status-changed", { generation: 1 }],
    ["daemon", { type: "inSync", at }],
    ["service-state-changed", { available: false }],
    ["service-state-changed", { available: true }],
    ["vpn-status-changed", { generation: 2 }],
    ["service-state-changed", { available: false }],
  ]);
  expect(feed.last.status).toEqual({ generation: 2 });
  expect(feed.after(seen[3]?.place ?? "")).toEqual(seen.slice(4));
  expect(feed.after("elsewhere-1")).toBeUndefined();
});

test("the daemon is not asked while no client follows", async () => {
  let asked = 0;
  const feed = new DaemonFeed(async function* () {
    asked += 1;
    yield { id: 1, place: "a-1", snapshot: { state: {}, status: null } };
    await new Promise(() => {});
  });
  expect(asked).toBe(0);
  feed.follow(() => {})[Symbol.dispose]();
  await sleep(1);
  expect(asked).toBe(1);
});

test("a client after a pause gets the state of now, not that of the one before", async () => {
  const states = ["old", "new"];
  const feed = new DaemonFeed(async function* (_question, signal) {
    yield { id: 1, place: "a-1", snapshot: { state: {}, status: states.shift() } };
    await new Promise((resolve) => signal?.addEventListener("abort", resolve));
  });
  for (const status of ["old", "new"]) {
    using _following = feed.follow(() => {});
    await feed.known;
    expect(feed.last).toEqual({ available: true, status });
  }
});

test("where no daemon answers, that is known", async () => {
  const feed = new DaemonFeed(async function* () {
    yield* [];
    throw new Error("nobody");
  }, 20);
  for (let count = 0; count < 2; count += 1) {
    using _following = feed.follow(() => {});
    await feed.known;
    expect(feed.last.available).toBe(false);
  }
});

test("what happened while no client followed is asked for, and the status of now", async () => {
  const asked: DaemonQuestion[] = [];
  const feed = new DaemonFeed(async function* (question, signal) {
    asked.push(question);
    if (question.ask === "status") {
      yield { id: 1, answer: { generation: 2 } };
      return;
    }
    if (asked.length === 1) yield { id: 1, place: "a-1", snapshot: { state: {}, status: { generation: 1 } } };
    else {
      yield { id: 1, place: "a-2", event: { type: "applied", at } };
      const changed: DaemonLine = {
        id: 1,
        place: "a-2",
        event: { type: "status", at, ...{ status: { generation: 2 } } },
      };
      yield changed;
    }
    yield { id: 1, place: asked.length === 1 ? "a-1" : "a-2", caughtUp: true };
    await new Promise((resolve) => signal?.addEventListener("abort", resolve));
  });
  const first = feed.follow(() => {});
  await feed.known;
  const { place } = feed;
  first[Symbol.dispose]();
  using _following = feed.follow(() => {});
  await feed.known;
  expect(asked[1]).toEqual({ id: 1, ask: "watch", after: "a-1" });
  expect(feed.after(place)?.map(({ name, data }) => [name, data])).toEqual([
    ["daemon", { type: "applied", at }],
    ["vpn-status-changed", { generation: 2 }],
    ["service-state-changed", { available: true }],
    ["vpn-status-changed", { generation: 2 }],
  ]);
});

import { expect, test } from "vitest";
import { ratesBetween } from "../../../src/app/top/rates.ts";
import type { TopSample } from "../../../src/app/top/sample.ts";
import type { MeasuredConnection } from "../../../src/host/ports/processes.ts";
import { connection, line } from "./programs.ts";

const sample = (
  atMs: number,
  connections: readonly MeasuredConnection[],
  more: Partial<TopSample> = {},
): TopSample => ({
  atMs,
  tunnels: [],
  programs: [line(10), line(11)],
  traffic: { connections, udp: [], unseen: [] },
  unseen: [],
  ...more,
});

const ratesOf = (before: TopSample, now: TopSample) =>
  ratesBetween(before, now).programs.map(({ line: { program }, receivedPerSecond, sentPerSecond, connections }) => [
    program.pid,
    receivedPerSecond,
    sentPerSecond,
    connections.length,
  ]);

test("bytes between two looks, by the time between them", () => {
  const before = sample(1_000, [connection("a", 10, 100, 50)]);
  const now = sample(3_000, [connection("a", 10, 2_100, 1_050)]);
  expect(ratesOf(before, now)).toEqual([
    [10, 1_000, 500, 1],
    [11, 0, 0, 0],
  ]);
});

test("a connection that began between the looks counts whole; one that ended does not", () => {
  const before = sample(0, [connection("old", 10, 9_000, 0)]);
  const now = sample(1_000, [connection("new", 11, 300, 40)]);
  expect(ratesOf(before, now)).toEqual([
    [10, 0, 0, 0],
    [11, 300, 40, 1],
  ]);
});

test("a connection within the host does not count, a shared one counts once", () => {
  const shared = { ...connection("s", 10, 500, 0), holders: [10, 11].map((pid) => ({ pid, since: 1n })) };
  const inside = { ...connection("l", 11, 700, 0), remote: { address: "127.0.0.1", port: 1 } };
  expect(ratesOf(sample(0, []), sample(1_000, [shared, inside]))).toEqual([
    [10, 500, 0, 1],
    [11, 0, 0, 0],
  ]);
});

test("a reused pid is another program", () => {
  const stranger = { ...connection("a", 10, 500, 0), holders: [{ pid: 10, since: 2n }] };
  expect(ratesOf(sample(0, []), sample(1_000, [stranger]))[0]).toEqual([10, 0, 0, 0]);
});

test("tunnels: the first look at one has no rate, and an engine that began again counts from 0", () => {
  const tunnels = (receivedBytes: number) => ({ tunnels: [{ name: "t", receivedBytes, sentBytes: 0 }] });
  const rate = (before: object, now: object) =>
    ratesBetween(sample(0, [], before), sample(2_000, [], now)).tunnels[0]?.receivedPerSecond;
  expect(rate({ tunnels: [] }, tunnels(5_000))).toBe(0);
  expect(rate(tunnels(1_000), tunnels(5_000))).toBe(2_000);
  expect(rate(tunnels(5_000), tunnels(600))).toBe(300);
});

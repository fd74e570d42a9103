import { expect, test } from "vitest";
import type { StatusDocument } from "../../web/src/documents.ts";
import { programGroups } from "../../web/src/program-groups.ts";
import { NO_RATES, withStatus } from "../../web/src/rates.ts";

const counted = (receivedBytes: number, sentBytes: number) =>
  ({
    resources: [{ key: "tunnel/a", tunnel: { peers: [{ receivedBytes, sentBytes }] } }],
  }) as unknown as StatusDocument;

test("rates are the differences of counters; a new engine begins without one", () => {
  let rates = withStatus(NO_RATES, counted(1_000, 0), 0);
  rates = withStatus(rates, counted(3_000, 500), 2_000);
  rates = withStatus(rates, counted(10, 0), 4_000);
  rates = withStatus(rates, counted(1_010, 0), 5_000);
  expect(rates.points["a"]).toEqual([
    { at: 2, received: 1_000, sent: 250 },
    { at: 5, received: 1_000, sent: 0 },
  ]);
});

test("a plot holds five minutes, however long the page is open", () => {
  let rates = NO_RATES;
  for (let at = 0; at < 1_000; at += 1) rates = withStatus(rates, counted(at * 10, at), at * 2_000);
  expect(rates.points["a"]).toHaveLength(150);
});

test("processes of a program that go the same path are one line", () => {
  const program = {
    name: "MainThread",
    path: "/usr/bin/firefox",
    user: "ann",
    kernelThread: false,
    sockets: 2,
    rule: { origin: "default", via: "office", enforcement: "enforced" },
    perhaps: [{ origin: "rules/0", via: "direct", enforcement: "enforced" }],
  };
  const groups = programGroups([
    { ...program, pid: 1 },
    { ...program, pid: 2, perhaps: [] },
    { ...program, pid: 3, rule: null },
    { ...program, pid: 4, kernelThread: true },
  ]);
  expect(groups.map(({ name, pids, sockets, perhaps }) => ({ name, pids, sockets, perhaps }))).toEqual([
    { name: "firefox", pids: [1, 2], sockets: 4, perhaps: ["direct"] },
    { name: "firefox", pids: [3], sockets: 2, perhaps: ["direct"] },
  ]);
});

import { expect, test } from "vitest";
import { judgeFarEnd } from "./far-end.ts";
import { datagramFrame, tagOf } from "./frames.ts";
import type { Expectation, Judgement, Probe } from "./judge.ts";

const probes: Probe[] = [
  { index: 7, name: "u_udp4", inControl: true },
  { index: 8, name: "a_forgedudp4", inControl: false },
  { index: 9, name: "o_icmp4", inControl: true },
];
const expectation: Expectation = { endpoints: [], wire: "wireguard", exceptions: [], leastTunnelPackets: 1 };
const passed: Judgement = { outcome: "pass", leaks: [], invalid: [], tunnelPackets: 20, excepted: new Map() };
const cameOut = (...indices: number[]) =>
  indices.map((index) => ({
    atMs: index,
    frame: datagramFrame({ source: [10, 8, 0, 2], destination: [198, 51, 100, 10], payload: tagOf(index) }),
  }));

test("law 1: what comes out of a tunnel in answer to a neighbour or to the internet is a leak; the client's own is not", () => {
  expect(judgeFarEnd(passed, cameOut(7, 7), probes, expectation)).toEqual(passed);
  const { outcome, leaks } = judgeFarEnd(passed, cameOut(7, 8, 9, 8), probes, expectation);
  expect(outcome).toBe("leak");
  expect(leaks).toEqual([
    expect.objectContaining({ probe: "a_forgedudp4", count: 2, firstAtMs: 8 }),
    expect.objectContaining({ probe: "o_icmp4", count: 1, example: expect.stringContaining("through the tunnel") }),
  ]);
  const only = new Set(["o_icmp4"]);
  expect(judgeFarEnd(passed, cameOut(8), probes, { ...expectation, only }).outcome).toBe("pass");
});

test("a tunnel of which nothing came out proves nothing, unless none had to be carried", () => {
  expect(judgeFarEnd(passed, [], probes, expectation).outcome).toBe("invalid");
  expect(judgeFarEnd(passed, [], probes, { ...expectation, leastTunnelPackets: 0 })).toEqual(passed);
});

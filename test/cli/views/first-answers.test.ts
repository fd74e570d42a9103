import { expect, test } from "vitest";
import type { FirstAnswer } from "../../../src/app/first-answer/first-answers.ts";
import { renderFirstAnswers } from "../../../src/cli/views/first-answers.ts";

const office = { tunnel: "office", endpoint: "203.0.113.9:51820" };
const linesOf = (answer: Omit<FirstAnswer, "tunnel">, waited = true) =>
  renderFirstAnswers([{ ...office, ...answer }], waited)
    .trimEnd()
    .split("\n");

test("each state of a tunnel has a line, and one with what to do unless it is up; none is wider than 80 columns", () => {
  const up = linesOf({ state: "up", handshakeMs: 4, dns: ["10.8.0.1"] });
  const silent = linesOf({ state: "silent" });
  const stuck = linesOf({ state: "stuck", handshakeMs: 4 });
  const unreachable = linesOf({ state: "unreachable" });
  const unresolved = linesOf({ state: "unresolved", name: "vpn.example.com" });
  expect([up, silent, stuck, unreachable, unresolved]).toEqual([
    ['Tunnel "office" is up: handshake with 203.0.113.9:51820 in 4 ms, DNS 10.8.0.1.'],
    [
      'Tunnel "office" has no handshake yet: 203.0.113.9:51820 did not answer in 5 s.',
      "Check the endpoint, its port and the peer's public key; then run: awg doctor",
    ],
    [
      'Tunnel "office" has a handshake with 203.0.113.9:51820, but no packet enters it.',
      "Find what holds it up with: awg doctor",
    ],
    [
      'Tunnel "office" has no handshake yet: no route to 203.0.113.9:51820.',
      "Connect the host to its network; the first packet then brings the tunnel up.",
    ],
    [
      'Tunnel "office" is down: cannot resolve vpn.example.com.',
      "To fix it, check spelling, network and dns.bootstrap; then run: awg apply",
    ],
  ]);
  expect(
    Math.max(...[up, silent, stuck, unreachable, unresolved].flat().map(({ length }) => length)),
  ).toBeLessThanOrEqual(80);
});

test("an earlier handshake has its age; one that came before the first look is just now", () => {
  expect(linesOf({ state: "up", ageSeconds: 70 })[0]).toContain("last handshake with 203.0.113.9:51820 70 s ago");
  expect(linesOf({ state: "up", ageSeconds: 1 })[0]).toContain("handshake with 203.0.113.9:51820 just now");
  expect(linesOf({ state: "silent" }, false)[0]).toContain("did not answer.");
});

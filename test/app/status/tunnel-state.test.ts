import { expect, test } from "vitest";
import type { PeerStatus } from "../../../src/app/status/status-report.ts";
import { hasAnswered, tunnelState } from "../../../src/app/status/tunnel-state.ts";

const NOW_SECONDS = 1_800_000_000;
const PEER: PeerStatus = {
  publicKey: "k",
  endpoint: "192.0.2.1:51820",
  lastHandshakeSeconds: NOW_SECONDS - 60,
  receivedBytes: 0,
  sentBytes: 0,
  keepaliveSeconds: 0,
};

// Attack A15: never "connected", and never ready, once it is known that nobody answers.
test.each([
  ["never a handshake, and sends", { lastHandshakeSeconds: 0, sentBytes: 148 }, "blocked", false],
  ["never a handshake, and nothing was sent", { lastHandshakeSeconds: 0 }, "idle", false],
  ["one that calls us, and has not yet", { lastHandshakeSeconds: 0, endpoint: undefined }, "idle", false],
  ["a handshake a minute ago", {}, "connected", true],
  ["one initiation on its way", { unansweredHandshakes: 1 }, "connected", true],
  ["two initiations unanswered", { unansweredHandshakes: 2 }, "blocked", false],
  ["silent, and nobody sends", { lastHandshakeSeconds: NOW_SECONDS - 600 }, "idle", true],
  ["keepalives, an engine that does not count, 180 s", at(180), "connected", true],
  ["keepalives, an engine that does not count, 181 s", at(181), "blocked", false],
  ["keepalives, an engine that counts none", { ...at(181), unansweredHandshakes: 0 }, "idle", true],
] as const)("%s", (_name, over, state, ready) => {
  const { endpoint, ...peer } = { ...PEER, ...over };
  const one = { ...peer, ...(endpoint === undefined ? {} : { endpoint }) };
  expect(tunnelState({ wire: "wireguard", peers: [one] }, NOW_SECONDS * 1000, false)).toBe(state);
  expect(hasAnswered(one, NOW_SECONDS * 1000)).toBe(ready);
});

function at(age: number) {
  return { keepaliveSeconds: 25, lastHandshakeSeconds: NOW_SECONDS - age };
}

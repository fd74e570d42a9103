import { describe, expect, test } from "vitest";
import { expandText, KEY_A, resourceOf } from "../sample.ts";

const ALICE = { from: 1000, to: 1000 };
const BOB = { from: 1001, to: 1001 };
const ALICES = { from: 100_000, to: 165_535 };

const ranges = (users: string, subordinateUids: Readonly<Record<string, readonly { from: number; to: number }[]>>) => {
  const text = `
tunnels:
  a: { protocol: wireguard, privateKey: { file: /a }, addresses: [10.0.0.1/32], peers: [{ publicKey: ${KEY_A}, endpoint: "198.51.100.7:1", allowedIPs: [0.0.0.0/0] }] }
rules: [{ users: ${users}, via: a }]
default: { via: direct }
`;
  const { steering } = resourceOf(expandText(text, { subordinateUids }), "firewall/machine").spec;
  return steering.rules.map(({ match }) => match.uids);
};

describe("S4.4: who a user of a rule is", () => {
  test("also the numbers that subuid(5) gives to that user", () => {
    expect(ranges("[alice]", { alice: [ALICES] })).toEqual([[ALICE, ALICES]]);
    expect(ranges("['1000']", { 1000: [ALICES] })).toEqual([[ALICE, ALICES]]);
    expect(ranges("[alice, bob]", { bob: [ALICES] })).toEqual([[ALICE, BOB, ALICES]]);
  });

  test("each number once, where ranges lie over each other", () => {
    const wider = { from: 90_000, to: 120_000 };
    expect(ranges("[alice, bob]", { alice: [ALICES], bob: [wider] })).toEqual([
      [ALICE, BOB, { from: 90_000, to: 165_535 }],
    ]);
    expect(ranges("[alice, '100005']", { alice: [ALICES] })).toEqual([[ALICE, ALICES]]);
  });

  test("no numbers of a user that does not exist", () => {
    expect(ranges("[ghost]", { ghost: [ALICES] })).toEqual([]);
  });
});

import { describe, expect, test } from "vitest";
import { expandText, KEY_A, resourceOf, WITHOUT_CLASSIFIER } from "../sample.ts";

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
  const { steering } = resourceOf(
    expandText(text, { ...WITHOUT_CLASSIFIER, subordinateUids }),
    "firewall/machine",
  ).spec;
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

describe("S4.4: a user with a number that /etc/subuid gives to another", () => {
  const WIDE = { from: 1, to: 2000 };
  const expanded = (rule: string, users: Readonly<Record<string, number>> = { bob: 1001, awg: 977 }) => {
    const text = `
tunnels:
  a: { protocol: wireguard, privateKey: { file: /a }, addresses: [10.0.0.1/32], peers: [{ publicKey: ${KEY_A}, endpoint: "198.51.100.7:1", allowedIPs: [0.0.0.0/0] }] }
rules: [{ ${rule} }]
default: { via: block }
`;
    const expansion = expandText(text, {
      ...WITHOUT_CLASSIFIER,
      subordinateUids: { alice: [WIDE] },
      usersAmongSubordinates: users,
    });
    return {
      uids: resourceOf(expansion, "firewall/machine").spec.steering.rules[0]?.match.uids,
      notes: expansion.notes.flatMap(({ path, message }) => (path === "rules.0.users" ? [message] : [])),
    };
  };
  const WITHOUT = [
    { from: 1, to: 976 },
    { from: 978, to: 1000 },
    { from: 1002, to: 2000 },
  ];

  test.each(["via: direct", "via: a, fallback: direct"])("is not let out in clear by the other's rule: %s", (path) => {
    const { uids, notes } = expanded(`users: [alice], ${path}`);
    expect(uids).toEqual(WITHOUT);
    expect(notes).toEqual([
      "/etc/subuid also delegates the uids of awg and bob to these users: the rule excludes them, because it sends in clear",
    ]);
  });

  test.each(["via: block", "via: a"])("is held by the other's rule: %s", (path) => {
    const { uids, notes } = expanded(`users: [alice], ${path}`);
    expect(uids).toEqual([WIDE]);
    expect(notes).toEqual([
      "/etc/subuid also delegates the uids of awg and bob to these users: the rule applies to them too",
    ]);
  });

  test("is in where the rule names that user as well", () => {
    const { uids, notes } = expanded("users: [alice, '1001'], via: direct", { bob: 1001, bob2: 1001, alice: 1000 });
    expect(uids).toEqual([WIDE]);
    expect(notes).toEqual([]);
  });

  test("is named with few others, where they are many", () => {
    const many = Object.fromEntries(Array.from({ length: 9 }, (_, index) => [`u${index}`, 1500 + index]));
    expect(expanded("users: [alice], via: block", many).notes.join()).toContain(
      "uids of u0, u1, u2 and 6 more to these users",
    );
  });

  test("has no part where it lies outside", () => {
    expect(expanded("users: [alice], via: direct", { carol: 5000 })).toEqual({ uids: [WIDE], notes: [] });
  });
});

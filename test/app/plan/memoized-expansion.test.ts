import { expect, test } from "vitest";
import { type ExpansionInput, expandOnce, memoizedExpansion } from "../../../src/app/plan/memoized-expansion.ts";
import type { SecretId } from "../../../src/model/secret.ts";
import { configOf, facts, KEY_A } from "../../resources/sample.ts";

const text = (prefix: string): string => `
tunnels:
  office:
    protocol: wireguard
    privateKey: { file: /etc/awg/office.key }
    addresses: [10.8.0.2/32]
    peers: [{ publicKey: ${KEY_A}, endpoint: "vpn.example.com:51820", allowedIPs: [${prefix}] }]
default: { via: direct }
`;
const REF = JSON.stringify({ file: "/etc/awg/office.key" });

/** The same each time, and nothing of it the same object. */
function input(more: Partial<ExpansionInput> = {}): ExpansionInput {
  const secretIds = { [REF]: "an id" as SecretId };
  return { config: configOf(text("10.0.0.0/8")), facts: facts(), secretIds, options: { pathNumbers: {} }, ...more };
}

/** One of what an expansion is made of changed, each so that the resources are others. */
const CHANGES: Readonly<Record<string, Partial<ExpansionInput>>> = {
  configuration: { config: configOf(text("172.16.0.0/12")) },
  fact: { facts: facts({ addresses: { "vpn.example.com": ["198.51.100.8"] } }) },
  secret: { secretIds: { [REF]: "another id" as SecretId } },
  "path number": { options: { pathNumbers: { office: 9 } } },
  device: { options: { pathNumbers: {}, devices: { office: "awg-home" } } },
};

test("what is the very same is expanded once", () => {
  const expand = memoizedExpansion();
  const first = expand(input());
  expect(first).toEqual(expandOnce(input()));
  expect(expand(input())).toBe(first);
});

test.each(Object.entries(CHANGES))(
  "another %s gives other resources at once, and so does the undo",
  (_what, change) => {
    const expand = memoizedExpansion();
    const first = expand(input());
    const changed = expand(input(change));
    expect(changed).toEqual(expandOnce(input(change)));
    expect(changed.desired).not.toEqual(first.desired);
    expect(expand(input())).toEqual(first);
  },
);

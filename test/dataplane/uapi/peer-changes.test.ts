import fc from "fast-check";
import { expect, test } from "vitest";
import type { PeerChange } from "../../../src/dataplane/contract.ts";
import { parseSet } from "../../../src/dataplane/uapi/parse-set.ts";
import { peerChanges } from "../../../src/dataplane/uapi/peer-changes.ts";
import { commitSettings, settingsAfter } from "../../../src/dataplane/uapi/settings-after.ts";
import { noSettings, type UapiSettings } from "../../../src/dataplane/uapi/uapi-settings.ts";
import { renderPrefix } from "../../../src/model/prefix.ts";
import { bytesToHex } from "../../../src/uapi/key-text.ts";
import { checkProperty } from "../../support/seeded.ts";

const KEYS = ["aa", "bb", "cc"].map((byte) => byte.repeat(32));
const PREFIXES = ["10.0.0.0/8", "10.1.0.0/16", "fd00::/8", "0.0.0.0/0"];

/** What a device has: peers, and the peer of each prefix. Each change must be one that it can make. */
class PlainDevice {
  readonly peers = new Map<string, string>();
  readonly owners = new Map<string, string>();

  make(change: PeerChange): void {
    const key = bytesToHex(change.kind === "set" ? change.settings.publicKey : change.publicKey);
    if (change.kind === "set") {
      const { presharedKey, persistentKeepalive } = change.settings;
      this.peers.set(key, `${presharedKey?.[0]} ${persistentKeepalive?.low}`);
      return;
    }
    expect(this.peers.has(key)).toBe(true);
    if (change.kind === "prefixes") {
      for (const prefix of change.remove)
        if (this.owners.get(renderPrefix(prefix)) === key) this.owners.delete(renderPrefix(prefix));
      for (const prefix of change.add) this.owners.set(renderPrefix(prefix), key);
    } else if (change.kind === "remove") {
      this.peers.delete(key);
      for (const [prefix, owner] of this.owners) if (owner === key) this.owners.delete(prefix);
    }
  }
}

const line = fc.record({
  peer: fc.nat(2),
  what: fc.constantFrom(
    "allowed_ip=",
    "allowed_ip=-",
    "replace_allowed_ips=true\nallowed_ip=",
    "remove=true",
    "preshared_key=",
    "keepalive",
  ),
  prefix: fc.nat(PREFIXES.length - 1),
});

function textOf({ peer, what, prefix }: { peer: number; what: string; prefix: number }): string {
  const key = `public_key=${KEYS[peer]}\n`;
  if (what === "remove=true") return key + what;
  if (what === "preshared_key=") return `${key}${what}${`0${prefix}`.repeat(32)}`;
  if (what === "keepalive") return `${key}persistent_keepalive_interval=${prefix}`;
  return `${key}${what}${PREFIXES[prefix]}`;
}

const request = fc.record({
  head: fc.constantFrom("", "replace_peers=true", `private_key=${"11".repeat(32)}`, `private_key=${"22".repeat(32)}`),
  lines: fc.array(line, { maxLength: 5 }),
});

test("the changes give a device the settings, and a prefix with an owner before and after always has one", () => {
  checkProperty(
    fc.property(fc.array(request, { maxLength: 6 }), (requests) => {
      const device = new PlainDevice();
      let held: UapiSettings = noSettings();
      for (const { head, lines } of requests) {
        const set = parseSet(
          [head, ...lines.map(textOf)]
            .filter((text) => text !== "")
            .join("\n")
            .split("\n")
            .filter(Boolean),
        );
        const draft = settingsAfter(held, set);
        const kept = [...held.owners.keys()].filter((prefix) => draft.owners.get(prefix) !== undefined);
        for (const change of peerChanges(held, draft, set)) {
          device.make(change);
          expect(kept.filter((prefix) => !device.owners.has(prefix))).toEqual([]);
        }
        held = commitSettings(held, draft);
        expect([...device.owners].toSorted()).toEqual([...held.owners].toSorted());
        const wanted = [...held.peers].map(([key, { presharedKey, keepalive }]) => {
          const low = keepalive.high === 0 ? undefined : keepalive.low * 1000;
          return [key, `${presharedKey?.[0]} ${low}`];
        });
        expect([...device.peers].toSorted()).toEqual(wanted.toSorted());
      }
    }),
    300,
  );
});

test("one prefix given to one of 5,000 peers is one change, and a set that repeats all of them is none", () => {
  const keyOf = (number: number) => number.toString(16).padStart(64, "a");
  const lines = Array.from({ length: 5000 }, (_, number) => [
    `public_key=${keyOf(number)}`,
    `allowed_ip=10.0.${number >> 8}.${number & 255}/32`,
  ]).flat();
  const first = noSettings();
  const held = commitSettings(first, settingsAfter(first, parseSet(lines)));
  const changesOf = (texts: readonly string[]) => {
    const set = parseSet(texts);
    return peerChanges(held, settingsAfter(held, set), set);
  };
  expect(changesOf(lines)).toEqual([]);
  expect(changesOf([`public_key=${keyOf(7)}`, "allowed_ip=10.9.0.0/16"])).toMatchObject([
    { kind: "prefixes", add: [{ length: 16 }], remove: [] },
  ]);
});

test("prefixes replaced by one of them, given twice, are that one alone", () => {
  const peer = (...prefixes: readonly string[]) => [
    `public_key=${KEYS[0]}`,
    "replace_allowed_ips=true",
    ...prefixes.map((prefix) => `allowed_ip=${prefix}`),
  ];
  const first = noSettings();
  const held = commitSettings(first, settingsAfter(first, parseSet(peer("10.0.0.0/8", "fd00::/8"))));
  const set = parseSet(peer("10.0.0.0/8", "10.0.0.0/8"));
  expect(peerChanges(held, settingsAfter(held, set), set)).toMatchObject([
    { kind: "prefixes", add: [], remove: [{ family: 6 }] },
  ]);
});

test("a new private key sets all peers of the request again: a device removes a peer with its own key", () => {
  const lines = [`private_key=${"11".repeat(32)}`, `public_key=${KEYS[0]}`, "allowed_ip=10.0.0.0/8"];
  const first = noSettings();
  const held = commitSettings(first, settingsAfter(first, parseSet(lines)));
  const set = parseSet([`private_key=${"22".repeat(32)}`, ...lines.slice(1)]);
  expect(peerChanges(held, settingsAfter(held, set), set)).toMatchObject([
    { kind: "set" },
    { kind: "prefixes", add: [{ length: 8 }] },
  ]);
});

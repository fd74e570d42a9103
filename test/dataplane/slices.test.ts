import { expect, test } from "vitest";
import type { PeerChange } from "../../src/dataplane/contract.ts";
import { partsOf, slicesOf } from "../../src/dataplane/slices.ts";
import type { Prefix } from "../../src/model/prefix.ts";

const MOST_CHANGES = 25;
const MOST_PREFIXES = 123;
const MOST_HANDSHAKES = 1;
const publicKey = new Uint8Array(32);
const some = (count: number, first = 0): Prefix[] =>
  Array.from({ length: count }, (_, number) => ({ family: 4, address: BigInt(first + number), length: 32 }));

test("a peer with 10,000 prefixes is set in slices, each prefix once, in order, and removals last", () => {
  const [add, remove] = [some(10_000), some(300, 20_000)];
  const slices = [...slicesOf(partsOf([{ kind: "prefixes", publicKey, add, remove }]))];
  const parts = slices.flat().flatMap((part) => (part.kind === "prefixes" ? part : []));
  expect(parts.flatMap((part) => part.add)).toEqual(add);
  expect(parts.flatMap((part) => part.remove)).toEqual(remove);
  const sizes = slices.map((slice) =>
    slice.reduce((sum, part) => sum + (part.kind === "prefixes" ? part.add.length + part.remove.length : 0), 0),
  );
  expect(Math.max(...sizes)).toBe(MOST_PREFIXES);
  expect(parts.findLastIndex((part) => part.add.length > 0)).toBeLessThan(
    parts.findIndex((part) => part.remove.length > 0),
  );
});

test("many peers are changed some at a time, in order, few where each may begin a handshake; no change, no slice", () => {
  const changes = Array.from({ length: 1000 }, (): PeerChange => ({ kind: "remove", publicKey: new Uint8Array(32) }));
  const slices = [...slicesOf(partsOf(changes))];
  expect(slices.flat()).toEqual(changes);
  expect(Math.max(...slices.map((slice) => slice.length))).toBe(MOST_CHANGES);
  const connects = changes.map((): PeerChange => ({ kind: "connect", publicKey }));
  expect(Math.max(...[...slicesOf(connects)].map((slice) => slice.length))).toBe(MOST_HANDSHAKES);
  expect([...slicesOf([])]).toEqual([]);
});

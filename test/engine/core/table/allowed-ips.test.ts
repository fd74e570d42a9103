import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { AllowedIps } from "../../../../src/engine/core/table/allowed-ips.ts";
import { type Family, ipToBytes } from "../../../../src/model/ip.ts";
import { canonicalPrefix, type Prefix, prefixContains, renderPrefix } from "../../../../src/model/prefix.ts";
import { checkProperty } from "../../../support/seeded.ts";
import { prefix } from "../../support/link.ts";

/** Addresses from a narrow space, so that prefixes nest and collide; some wide ones. */
function address(family: Family): fc.Arbitrary<bigint> {
  const narrow = fc.bigInt({ min: 0n, max: 255n });
  const top = family === 4 ? 32n : 128n;
  return fc.oneof(
    narrow.map((value) => value << (top - 8n)),
    narrow,
    fc.bigInt({ min: 0n, max: (1n << top) - 1n }),
  );
}

const prefixes: fc.Arbitrary<Prefix> = fc.constantFrom<Family>(4, 6).chain((family) =>
  fc.record({
    family: fc.constant(family),
    address: address(family),
    length: fc.integer({ min: 0, max: family === 4 ? 32 : 128 }),
  }),
);

type Change =
  | { readonly kind: "set"; readonly prefix: Prefix; readonly owner: number }
  | { readonly kind: "replace"; readonly owner: number; readonly prefixes: readonly Prefix[] }
  | { readonly kind: "unset"; readonly prefix: Prefix; readonly owner: number }
  | { readonly kind: "removeAll"; readonly owner: number };

const owner = fc.integer({ min: 1, max: 5 });
const changes: fc.Arbitrary<Change> = fc.oneof(
  { weight: 6, arbitrary: fc.record({ kind: fc.constant("set" as const), prefix: prefixes, owner }) },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("replace" as const),
      owner,
      prefixes: fc.array(prefixes, { maxLength: 4 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("unset" as const), prefix: prefixes, owner }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("removeAll" as const), owner }) },
);

/** The obvious table: a map from prefix to owner, searched from the longest. */
class PlainTable {
  readonly owners = new Map<string, { prefix: Prefix; owner: number }>();

  apply(change: Change): void {
    if (change.kind === "set") this.#set(change.prefix, change.owner);
    else if (change.kind === "unset") {
      const key = renderPrefix(canonicalPrefix(change.prefix));
      if (this.owners.get(key)?.owner === change.owner) this.owners.delete(key);
    } else {
      for (const [key, held] of this.owners) if (held.owner === change.owner) this.owners.delete(key);
      if (change.kind === "replace") for (const each of change.prefixes) this.#set(each, change.owner);
    }
  }

  find(at: Prefix): number | undefined {
    return [...this.owners.values()]
      .filter((held) => prefixContains(held.prefix, at))
      .sort((a, b) => b.prefix.length - a.prefix.length)[0]?.owner;
  }

  #set(given: Prefix, owner: number): void {
    this.owners.set(renderPrefix(canonicalPrefix(given)), { prefix: canonicalPrefix(given), owner });
  }
}

describe("allowed prefixes", () => {
  test("the trie finds what a plain list finds, after any changes", () => {
    const lookups = fc.array(
      fc.constantFrom<Family>(4, 6).chain((family) => fc.tuple(fc.constant(family), address(family))),
      { minLength: 1, maxLength: 20 },
    );
    checkProperty(
      fc.property(fc.array(changes, { maxLength: 30 }), lookups, (steps, wanted) => {
        const trie = new AllowedIps<number>();
        const plain = new PlainTable();
        for (const step of steps) {
          if (step.kind === "set") trie.set(step.prefix, step.owner);
          else if (step.kind === "unset") trie.unset(step.prefix, step.owner);
          else if (step.kind === "replace") trie.replace(step.owner, step.prefixes);
          else trie.removeAll(step.owner);
          plain.apply(step);
        }
        const near = [...plain.owners.values()].map(({ prefix: held }) => [held.family, held.address] as const);
        for (const [family, value] of [...wanted, ...near]) {
          const bytes = new Uint8Array(20);
          bytes.set(ipToBytes({ family, value }), 3);
          const found = trie.find(bytes, 3, family);
          expect(found).toBe(plain.find({ family, address: value, length: family === 4 ? 32 : 128 }));
        }
        for (const each of [1, 2, 3, 4, 5]) {
          const held = [...plain.owners.values()].filter((entry) => entry.owner === each);
          expect(trie.prefixesOf(each).map(renderPrefix).sort()).toEqual(
            held.map((entry) => renderPrefix(entry.prefix)).sort(),
          );
        }
      }),
      200,
    );
  });

  test("a prefix given to another peer leaves the first, which keeps its others", () => {
    const trie = new AllowedIps<string>();
    trie.replace("a", [prefix("10.0.0.0/8"), prefix("192.168.0.0/16")]);
    trie.replace("b", [prefix("10.0.0.0/8")]);
    expect(trie.find(Uint8Array.of(10, 1, 2, 3), 0, 4)).toBe("b");
    expect(trie.prefixesOf("a").map(renderPrefix)).toEqual(["192.168.0.0/16"]);
    trie.removeAll("b");
    expect(trie.find(Uint8Array.of(10, 1, 2, 3), 0, 4)).toBeUndefined();
  });
});

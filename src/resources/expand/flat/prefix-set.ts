import { addressBits } from "../../../model/ip.ts";
import type { Prefix } from "../../../model/prefix.ts";

/** Prefixes with a fast lookup of a covering one: the cost is one probe per prefix length in use. */
export class PrefixSet {
  readonly #keys = new Set<string>();
  readonly #lengths: Readonly<Record<4 | 6, Set<number>>> = { 4: new Set(), 6: new Set() };

  add(prefix: Prefix): void {
    this.#keys.add(keyOf(prefix, prefix.length));
    this.#lengths[prefix.family].add(prefix.length);
  }

  /** Whether the prefix, or one that contains it, is in the set. */
  covers(prefix: Prefix): boolean {
    for (const length of this.#lengths[prefix.family]) {
      if (length <= prefix.length && this.#keys.has(keyOf(prefix, length))) return true;
    }
    return false;
  }
}

function keyOf({ family, address }: Prefix, length: number): string {
  return `${family} ${length} ${address >> BigInt(addressBits(family) - length)}`;
}

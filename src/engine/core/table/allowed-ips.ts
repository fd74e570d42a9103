import type { Prefix } from "../../../model/prefix.ts";
import { PrefixNodes } from "./prefix-nodes.ts";

/**
 * The peer that an address belongs to: the owner of the longest matching prefix (paper section 2, cryptokey routing). A
 * binary trie for each family, with single-child paths compressed. Each prefix has one owner; assigning it again moves
 * it. Lookups and changes leave nothing to collect, since a collection holds packets.
 */
export class AllowedIps<T> {
  readonly #nodes = { 4: new PrefixNodes(), 6: new PrefixNodes() };
  /** By number; no owner has the number 0. */
  readonly #owners: (T | undefined)[] = [undefined];
  readonly #freeOwners: number[] = [];
  readonly #numbers = new Map<T, number>();

  /** Assigns the prefix to the owner; host bits are ignored. */
  set(prefix: Prefix, owner: T): void {
    this.#nodes[prefix.family].set(prefix, this.#numberOf(owner));
  }

  /** Removes the prefix if it is the owner's. */
  unset(prefix: Prefix, owner: T): void {
    const number = this.#numbers.get(owner);
    if (number !== undefined) this.#nodes[prefix.family].unset(prefix, number);
  }

  /** Sets exactly these prefixes for the owner. */
  replace(owner: T, prefixes: readonly Prefix[]): void {
    this.removeAll(owner);
    for (const prefix of prefixes) this.set(prefix, owner);
  }

  /** Removes all prefixes of the owner. */
  removeAll(owner: T): void {
    const number = this.#numbers.get(owner);
    if (number === undefined) return;
    this.#nodes[4].unsetAll(number);
    this.#nodes[6].unsetAll(number);
    this.#numbers.delete(owner);
    this.#owners[number] = undefined;
    this.#freeOwners.push(number);
  }

  /** The prefixes of the owner. */
  prefixesOf(owner: T): readonly Prefix[] {
    const number = this.#numbers.get(owner);
    return number === undefined
      ? []
      : [...this.#nodes[4].prefixesOf(number, 4), ...this.#nodes[6].prefixesOf(number, 6)];
  }

  /**
   * The owner of the longest prefix that matches the address of 4 or 16 bytes at `offset`; undefined if there is none.
   */
  find(bytes: Uint8Array, offset: number, family: 4 | 6): T | undefined {
    return this.#owners[this.#nodes[family].find(bytes, offset, family === 6)];
  }

  #numberOf(owner: T): number {
    const known = this.#numbers.get(owner);
    if (known !== undefined) return known;
    const number = this.#freeOwners.pop() ?? this.#owners.length;
    this.#owners[number] = owner;
    this.#numbers.set(owner, number);
    return number;
  }
}

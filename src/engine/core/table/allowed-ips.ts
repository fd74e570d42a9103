import type { Prefix } from "../../../model/prefix.ts";
import { canonicalPrefix } from "../../../model/prefix.ts";

/** A prefix as four 32-bit words, the first bit topmost; IPv4 uses only the first word. */
interface Node<T> {
  readonly words: Int32Array;
  readonly masks: Int32Array;
  readonly length: number;
  readonly prefix: Prefix;
  owner: T | undefined;
  zero: Node<T> | undefined;
  one: Node<T> | undefined;
}

/**
 * The peer that an address belongs to: the owner of the longest matching prefix (paper section 2, cryptokey routing). A
 * binary trie for each family, with single-child paths compressed. Each prefix has one owner; assigning it again moves
 * it. Lookups allocate nothing.
 */
export class AllowedIps<T> {
  #roots: { 4: Node<T> | undefined; 6: Node<T> | undefined } = { 4: undefined, 6: undefined };
  #owned = new Map<T, Map<string, Prefix>>();

  /** Assigns the prefix to the owner; host bits are ignored. */
  set(prefix: Prefix, owner: T): void {
    const canonical = canonicalPrefix(prefix);
    const node = leaf<T>(canonical, owner);
    const before: { owner: T | undefined } = { owner: undefined };
    this.#roots[canonical.family] = insert(this.#roots[canonical.family], node, before);
    if (before.owner !== undefined) this.#owned.get(before.owner)?.delete(keyOf(canonical));
    const owned = this.#owned.get(owner) ?? new Map<string, Prefix>();
    owned.set(keyOf(canonical), canonical);
    this.#owned.set(owner, owned);
  }

  /** Removes the prefix if it is the owner's. */
  unset(prefix: Prefix, owner: T): void {
    const canonical = canonicalPrefix(prefix);
    if (this.#owned.get(owner)?.has(keyOf(canonical)) === true) this.#delete(canonical, owner);
  }

  /** Sets exactly these prefixes for the owner. */
  replace(owner: T, prefixes: readonly Prefix[]): void {
    const wanted = new Map(prefixes.map(canonicalPrefix).map((prefix) => [keyOf(prefix), prefix]));
    const owned = this.#owned.get(owner);
    for (const [key, prefix] of owned ?? []) if (!wanted.has(key)) this.#delete(prefix, owner);
    for (const [key, prefix] of wanted) if (owned?.has(key) !== true) this.set(prefix, owner);
  }

  /** Removes all prefixes of the owner. */
  removeAll(owner: T): void {
    for (const prefix of this.#owned.get(owner)?.values() ?? []) this.#delete(prefix, owner);
    this.#owned.delete(owner);
  }

  /** The prefixes of the owner. */
  prefixesOf(owner: T): readonly Prefix[] {
    return [...(this.#owned.get(owner)?.values() ?? [])];
  }

  /**
   * The owner of the longest prefix that matches the address of 4 or 16 bytes at `offset`; undefined if there is none.
   */
  find(bytes: Uint8Array, offset: number, family: 4 | 6): T | undefined {
    const a = wordAt(bytes, offset);
    const isLong = family === 6;
    const b = isLong ? wordAt(bytes, offset + 4) : 0;
    const c = isLong ? wordAt(bytes, offset + 8) : 0;
    const d = isLong ? wordAt(bytes, offset + 12) : 0;
    let node = this.#roots[family];
    let found: T | undefined;
    while (node !== undefined) {
      const { words, masks, length } = node;
      const differ =
        ((a ^ (words[0] as number)) & (masks[0] as number)) |
        ((b ^ (words[1] as number)) & (masks[1] as number)) |
        ((c ^ (words[2] as number)) & (masks[2] as number)) |
        ((d ^ (words[3] as number)) & (masks[3] as number));
      if (differ !== 0) break;
      if (node.owner !== undefined) found = node.owner;
      if (length === 128) break;
      const word = length < 32 ? a : length < 64 ? b : length < 96 ? c : d;
      node = (word >>> (31 - (length & 31))) & 1 ? node.one : node.zero;
    }
    return found;
  }

  #delete(prefix: Prefix, owner: T): void {
    this.#roots[prefix.family] = remove(this.#roots[prefix.family], leaf<T>(prefix, owner));
    this.#owned.get(owner)?.delete(keyOf(prefix));
  }
}

function keyOf(prefix: Prefix): string {
  return `${prefix.family}/${prefix.address}/${prefix.length}`;
}

function wordAt(bytes: Uint8Array, offset: number): number {
  return (
    ((bytes[offset] as number) << 24) |
    ((bytes[offset + 1] as number) << 16) |
    ((bytes[offset + 2] as number) << 8) |
    (bytes[offset + 3] as number)
  );
}

function leaf<T>(prefix: Prefix, owner: T | undefined): Node<T> {
  const shift = prefix.family === 4 ? 96n : 0n;
  const words = new Int32Array(4);
  const masks = new Int32Array(4);
  for (let index = 0; index < 4; index += 1) {
    words[index] = Number(((prefix.address << shift) >> BigInt(96 - 32 * index)) & 0xffffffffn) | 0;
    const bits = Math.min(Math.max(prefix.length - 32 * index, 0), 32);
    masks[index] = bits === 0 ? 0 : -1 << (32 - bits);
  }
  return { words, masks, length: prefix.length, prefix, owner, zero: undefined, one: undefined };
}

function insert<T>(at: Node<T> | undefined, added: Node<T>, before: { owner: T | undefined }): Node<T> {
  if (at === undefined) return added;
  const common = commonLength(at, added);
  if (common === at.length && common === added.length) {
    if (at.owner !== added.owner) before.owner = at.owner;
    at.owner = added.owner;
    return at;
  }
  if (common === at.length) {
    if (bitAt(added, common)) at.one = insert(at.one, added, before);
    else at.zero = insert(at.zero, added, before);
    return at;
  }
  const parent = common === added.length ? added : fork(added, common);
  if (parent !== added) attach(parent, added, common);
  attach(parent, at, common);
  return parent;
}

function remove<T>(at: Node<T> | undefined, gone: Node<T>): Node<T> | undefined {
  if (at === undefined || commonLength(at, gone) < at.length) return at;
  if (at.length === gone.length) at.owner = undefined;
  else if (bitAt(gone, at.length)) at.one = remove(at.one, gone);
  else at.zero = remove(at.zero, gone);
  if (at.owner !== undefined || (at.zero !== undefined && at.one !== undefined)) return at;
  return at.zero ?? at.one;
}

function fork<T>(of: Node<T>, length: number): Node<T> {
  return leaf<T>(canonicalPrefix({ ...of.prefix, length }), undefined);
}

function attach<T>(parent: Node<T>, child: Node<T>, bit: number): void {
  if (bitAt(child, bit)) parent.one = child;
  else parent.zero = child;
}

function bitAt<T>(node: Node<T>, bit: number): boolean {
  return (((node.words[bit >>> 5] ?? 0) >>> (31 - (bit & 31))) & 1) === 1;
}

/** The number of leading bits that both prefixes share, at most the shorter length. */
function commonLength<T>(a: Node<T>, b: Node<T>): number {
  const shorter = Math.min(a.length, b.length);
  for (let index = 0; index < 4; index += 1) {
    const zeros = Math.clz32((a.words[index] as number) ^ (b.words[index] as number));
    if (zeros < 32) return Math.min(32 * index + zeros, shorter);
  }
  return shorter;
}

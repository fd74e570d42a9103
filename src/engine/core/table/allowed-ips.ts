import type { Prefix } from "../../../model/prefix.ts";
import { canonicalPrefix } from "../../../model/prefix.ts";

/**
 * A prefix as four 32-bit words with their masks, the first bit topmost; IPv4 uses only the first word. Fields of one
 * object: arrays took four allocations a prefix, and a set of thousands held packets.
 */
interface Node<T> {
  readonly a: number;
  readonly b: number;
  readonly c: number;
  readonly d: number;
  readonly maskA: number;
  readonly maskB: number;
  readonly maskC: number;
  readonly maskD: number;
  readonly length: number;
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
  #owned = new Map<T, Map<PrefixKey, Prefix>>();

  /** Assigns the prefix to the owner; host bits are ignored. */
  set(prefix: Prefix, owner: T): void {
    const canonical = canonicalPrefix(prefix);
    const node = leaf<T>(canonical, owner);
    const before: { owner: T | undefined } = { owner: undefined };
    this.#roots[canonical.family] = insert(this.#roots[canonical.family], node, before);
    if (before.owner !== undefined) this.#owned.get(before.owner)?.delete(keyOf(canonical));
    const owned = this.#owned.get(owner) ?? new Map<PrefixKey, Prefix>();
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
      const { length } = node;
      const differ =
        ((a ^ node.a) & node.maskA) |
        ((b ^ node.b) & node.maskB) |
        ((c ^ node.c) & node.maskC) |
        ((d ^ node.d) & node.maskD);
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

/** A number for IPv4; IPv6 as text, for a bigint's hash is of its low 64 bits alone, which are 0 in many a prefix. */
type PrefixKey = number | string;

function keyOf({ family, address, length }: Prefix): PrefixKey {
  return family === 4 ? 64 * Number(address) + length : `${address.toString(16)}/${length}`;
}

function wordAt(bytes: Uint8Array, offset: number): number {
  return (
    ((bytes[offset] as number) << 24) |
    ((bytes[offset + 1] as number) << 16) |
    ((bytes[offset + 2] as number) << 8) |
    (bytes[offset + 3] as number)
  );
}

/** The words of an address, the lowest first. */
const words = new Int32Array(4);
const halves = new BigUint64Array(words.buffer);

function leaf<T>({ family, address, length }: Prefix, owner: T | undefined): Node<T> {
  if (family === 4) return nodeOf(Number(address) | 0, 0, 0, 0, length, owner);
  halves[0] = address;
  halves[1] = address >> 64n;
  const [d, c, b, a] = words as unknown as readonly [number, number, number, number];
  return nodeOf(a, b, c, d, length, owner);
}

/** The node of the first `length` bits; the others are cleared. */
function nodeOf<T>(a: number, b: number, c: number, d: number, length: number, owner: T | undefined): Node<T> {
  const [maskA, maskB, maskC, maskD] = [maskOf(length), maskOf(length - 32), maskOf(length - 64), maskOf(length - 96)];
  return {
    a: a & maskA,
    b: b & maskB,
    c: c & maskC,
    d: d & maskD,
    maskA,
    maskB,
    maskC,
    maskD,
    length,
    owner,
    zero: undefined,
    one: undefined,
  };
}

/** A word with its first `bits` bits set, none below 0 and all above 32. */
function maskOf(bits: number): number {
  return bits <= 0 ? 0 : bits >= 32 ? -1 : -1 << (32 - bits);
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

function fork<T>({ a, b, c, d }: Node<T>, length: number): Node<T> {
  return nodeOf<T>(a, b, c, d, length, undefined);
}

function attach<T>(parent: Node<T>, child: Node<T>, bit: number): void {
  if (bitAt(child, bit)) parent.one = child;
  else parent.zero = child;
}

function bitAt<T>(node: Node<T>, bit: number): boolean {
  const word = bit < 32 ? node.a : bit < 64 ? node.b : bit < 96 ? node.c : node.d;
  return ((word >>> (31 - (bit & 31))) & 1) === 1;
}

/** The number of leading bits that both prefixes share, at most the shorter length. */
function commonLength<T>(one: Node<T>, other: Node<T>): number {
  const shorter = Math.min(one.length, other.length);
  const inA = Math.clz32(one.a ^ other.a);
  if (inA < 32 || shorter <= 32) return Math.min(inA, shorter);
  const inB = Math.clz32(one.b ^ other.b);
  if (inB < 32 || shorter <= 64) return Math.min(32 + inB, shorter);
  const inC = Math.clz32(one.c ^ other.c);
  if (inC < 32 || shorter <= 96) return Math.min(64 + inC, shorter);
  return Math.min(96 + Math.clz32(one.d ^ other.d), shorter);
}

import type { Prefix } from "../../../model/prefix.ts";

/** No node is at this offset, and no owner has this number. */
const NONE = 0;

/**
 * The words of a node. The first four are its prefix, the first bit topmost; IPv4 uses only one. The next four are their
 * masks.
 */
const MASK = 4;
const LENGTH = 8;
const OWNER = 9;
/** The children by the bit that follows the prefix. An unused node has the next unused one here. */
const CHILD = 10;
/** The neighbours in the list of the owner's nodes. */
const NEXT = 12;
const BEFORE = 13;
const NODE_WORDS = 14;

/** The prefix of the running call; words beyond its length may have host bits. */
const key = new Int32Array(4);
const halves = new BigUint64Array(2);
const words = new Int32Array(halves.buffer);

/**
 * A binary trie of prefixes with single-child paths compressed, and the list of each owner's prefixes, in one array of
 * numbers. Owners are numbers from 1 on.
 */
export class PrefixNodes {
  #nodes = new Int32Array(16 * NODE_WORDS);
  /** Nodes from here on were never used. */
  #end = NODE_WORDS;
  #unused = NONE;
  #root = NONE;
  /** The first node of each owner's list. */
  readonly #first: number[] = [];

  /** Assigns the prefix to the owner; host bits are ignored. */
  set(prefix: Prefix, owner: number): void {
    readKey(prefix);
    const { length } = prefix;
    let parent = NONE;
    let at = this.#root;
    while (at !== NONE) {
      const common = this.#commonLength(at, length);
      if (common < this.#at(at + LENGTH)) {
        this.#insertAbove(at, parent, common, length, owner);
        return;
      }
      if (common === length) {
        this.#assign(at, owner);
        return;
      }
      parent = at;
      at = this.#at(at + CHILD + keyBit(common));
    }
    this.#setChild(parent, this.#newNode(length, owner));
  }

  /** Removes the prefix if it is the owner's. */
  unset(prefix: Prefix, owner: number): void {
    readKey(prefix);
    this.#remove(prefix.length, owner);
  }

  /** Removes all prefixes of the owner. */
  unsetAll(owner: number): void {
    for (let at = this.#firstOf(owner); at !== NONE; at = this.#firstOf(owner)) {
      for (let word = 0; word < 4; word += 1) key[word] = this.#at(at + word);
      this.#remove(this.#at(at + LENGTH), owner);
    }
  }

  /** The prefixes of the owner, of the family that this trie is for. */
  *prefixesOf(owner: number, family: Prefix["family"]): Generator<Prefix> {
    for (let at = this.#firstOf(owner); at !== NONE; at = this.#at(at + NEXT)) {
      for (let word = 0; word < 4; word += 1) words[3 - word] = this.#at(at + word);
      const [low = 0n, high = 0n] = halves;
      const address = family === 4 ? high >> 32n : (high << 64n) | low;
      yield { family, address, length: this.#at(at + LENGTH) };
    }
  }

  /** Hot: the owner of the longest prefix that matches the address at `offset`, 16 bytes if `isLong`, else 4. */
  find(bytes: Uint8Array, offset: number, isLong: boolean): number {
    const nodes = this.#nodes;
    const a = wordAt(bytes, offset);
    const b = isLong ? wordAt(bytes, offset + 4) : 0;
    const c = isLong ? wordAt(bytes, offset + 8) : 0;
    const d = isLong ? wordAt(bytes, offset + 12) : 0;
    let at = this.#root;
    let found = NONE;
    while (at !== NONE) {
      let differ = (a ^ (nodes[at] as number)) & (nodes[at + MASK] as number);
      if (isLong) {
        differ |= (b ^ (nodes[at + 1] as number)) & (nodes[at + MASK + 1] as number);
        differ |= (c ^ (nodes[at + 2] as number)) & (nodes[at + MASK + 2] as number);
        differ |= (d ^ (nodes[at + 3] as number)) & (nodes[at + MASK + 3] as number);
      }
      if (differ !== 0) break;
      const owner = nodes[at + OWNER] as number;
      if (owner !== NONE) found = owner;
      const length = nodes[at + LENGTH] as number;
      if (length === 128) break;
      const word = length < 32 ? a : length < 64 ? b : length < 96 ? c : d;
      at = nodes[at + CHILD + ((word >>> (31 - (length & 31))) & 1)] as number;
    }
    return found;
  }

  #remove(length: number, owner: number): void {
    let above = NONE;
    let parent = NONE;
    let at = this.#root;
    while (at !== NONE && this.#commonLength(at, length) === this.#at(at + LENGTH) && this.#at(at + LENGTH) < length) {
      above = parent;
      parent = at;
      at = this.#at(at + CHILD + keyBit(this.#at(at + LENGTH)));
    }
    if (at === NONE || this.#at(at + LENGTH) !== length || this.#at(at + OWNER) !== owner) return;
    if (this.#commonLength(at, length) !== length) return;
    this.#assign(at, NONE);
    this.#dropIfNeedless(at, parent);
    if (parent !== NONE) this.#dropIfNeedless(parent, above);
  }

  /** Places the key between a node, with which it has `common` bits in common, and the node's parent. */
  #insertAbove(at: number, parent: number, common: number, length: number, owner: number): void {
    const added = this.#newNode(length, owner);
    const top = common === length ? added : this.#newNode(common, NONE);
    if (top !== added) this.#nodes[top + CHILD + keyBit(common)] = added;
    this.#nodes[top + CHILD + bitOf(this.#at(at + (common >> 5)), common)] = at;
    this.#setChild(parent, top);
  }

  /** A node without an owner and with one child or none makes room for the child. */
  #dropIfNeedless(at: number, parent: number): void {
    const [zero, one] = [this.#at(at + CHILD), this.#at(at + CHILD + 1)];
    if (this.#at(at + OWNER) !== NONE || (zero !== NONE && one !== NONE)) return;
    this.#setChild(parent, zero === NONE ? one : zero);
    this.#nodes[at + CHILD] = this.#unused;
    this.#unused = at;
  }

  /** Sets the child where the key belongs; of the root without a parent. */
  #setChild(parent: number, child: number): void {
    if (parent === NONE) this.#root = child;
    else this.#nodes[parent + CHILD + keyBit(this.#at(parent + LENGTH))] = child;
  }

  /** A node for the first `length` bits of the key. */
  #newNode(length: number, owner: number): number {
    const at = this.#place();
    const nodes = this.#nodes;
    for (let word = 0; word < 4; word += 1) {
      const mask = maskOf(length - 32 * word);
      nodes[at + word] = (key[word] as number) & mask;
      nodes[at + MASK + word] = mask;
    }
    nodes.fill(NONE, at + LENGTH, at + NODE_WORDS);
    nodes[at + LENGTH] = length;
    this.#assign(at, owner);
    return at;
  }

  #place(): number {
    const at = this.#unused;
    if (at !== NONE) {
      this.#unused = this.#at(at + CHILD);
      return at;
    }
    if (this.#end === this.#nodes.length) {
      const more = new Int32Array(2 * this.#nodes.length);
      more.set(this.#nodes);
      this.#nodes = more;
    }
    this.#end += NODE_WORDS;
    return this.#end - NODE_WORDS;
  }

  /** Gives the node another owner, and moves it to that owner's list. */
  #assign(at: number, owner: number): void {
    const nodes = this.#nodes;
    const former = this.#at(at + OWNER);
    if (former === owner) return;
    if (former !== NONE) {
      const [next, before] = [this.#at(at + NEXT), this.#at(at + BEFORE)];
      if (before === NONE) this.#first[former] = next;
      else nodes[before + NEXT] = next;
      if (next !== NONE) nodes[next + BEFORE] = before;
    }
    nodes[at + OWNER] = owner;
    if (owner === NONE) return;
    const first = this.#firstOf(owner);
    nodes[at + NEXT] = first;
    nodes[at + BEFORE] = NONE;
    if (first !== NONE) nodes[first + BEFORE] = at;
    this.#first[owner] = at;
  }

  #firstOf(owner: number): number {
    return this.#first[owner] ?? NONE;
  }

  /** The number of leading bits that the key and the node share, at most the shorter length. */
  #commonLength(at: number, length: number): number {
    const shorter = Math.min(this.#at(at + LENGTH), length);
    for (let word = 0; 32 * word < shorter; word += 1) {
      const common = Math.clz32(this.#at(at + word) ^ (key[word] as number));
      if (common < 32) return Math.min(32 * word + common, shorter);
    }
    return shorter;
  }

  #at(offset: number): number {
    return this.#nodes[offset] as number;
  }
}

function readKey({ family, address }: Prefix): void {
  if (family === 4) {
    key.fill(0);
    key[0] = Number(address);
    return;
  }
  halves[0] = address;
  halves[1] = address >> 64n;
  for (let word = 0; word < 4; word += 1) key[word] = words[3 - word] as number;
}

function keyBit(bit: number): 0 | 1 {
  return bitOf(key[bit >> 5] as number, bit);
}

function bitOf(word: number, bit: number): 0 | 1 {
  return ((word >>> (31 - (bit & 31))) & 1) as 0 | 1;
}

/** A word with its first `bits` bits set, none below 0 and all above 32. */
function maskOf(bits: number): number {
  return bits <= 0 ? 0 : bits >= 32 ? -1 : -1 << (32 - bits);
}

function wordAt(bytes: Uint8Array, offset: number): number {
  return (
    ((bytes[offset] as number) << 24) |
    ((bytes[offset + 1] as number) << 16) |
    ((bytes[offset + 2] as number) << 8) |
    (bytes[offset + 3] as number)
  );
}

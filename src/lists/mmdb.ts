import { mergePrefixes, type Prefix, renderPrefix } from "../model/prefix.ts";
import { type ListContent, listFault } from "./list-content.ts";
import { decodeMmdbValue } from "./mmdb-value.ts";

/** The metadata follows the last of these (maxmind.github.io/MaxMind-DB, "Database Metadata"). */
const MARKER = Uint8Array.from([0xab, 0xcd, 0xef, ...new TextEncoder().encode("MaxMind.com")]);
const METADATA_BYTES = 128 * 1024;
/** Zeros between the search tree and the data section. */
const SEPARATOR_BYTES = 16;
/** IPv4 lies at ::/96 of an IPv6 tree; the same tree is also linked from ::ffff:0:0/96, 2001::/32 and 2002::/16. */
const IPV4_DEPTH = 96;

interface Tree {
  readonly bytes: Uint8Array;
  readonly nodes: number;
  readonly recordBits: number;
  readonly isIpv6: boolean;
  readonly data: Uint8Array;
}

/**
 * The prefixes of a country in a MaxMind DB file (GeoLite2-Country, DB-IP, IPinfo): those whose record names the ISO code
 * as `country.iso_code`, or as `country` in flat files. Bounded by the file's size. Pure.
 *
 * @param code two upper-case letters
 * @throws AwgError config for a file that is no such database, or has no such country
 */
export function countryPrefixes(name: string, bytes: Uint8Array, code: string): ListContent {
  const tree = openTree(name, bytes);
  const codes = new Map<number, boolean>();
  const isWanted = (record: number): boolean => {
    const known = codes.get(record);
    if (known !== undefined) return known;
    const offset = record - tree.nodes - SEPARATOR_BYTES;
    const found = countryOf(decodeMmdbValue(tree.data, offset)) === code;
    codes.set(record, found);
    return found;
  };
  const prefixes: Prefix[] = [];
  try {
    walk(tree, isWanted, prefixes);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw listFault(name, "the database is damaged", "download it again");
  }
  if (prefixes.length === 0)
    throw listFault(name, `the database has no network of ${code}`, "check the country code and the database");
  return { prefixes: mergePrefixes(prefixes).map(renderPrefix), domains: [] };
}

function countryOf(value: unknown): string | undefined {
  const country = (value as { readonly country?: unknown } | null | undefined)?.country;
  if (typeof country === "string") return country;
  const code = (country as { readonly iso_code?: unknown } | null | undefined)?.iso_code;
  return typeof code === "string" ? code : undefined;
}

function openTree(name: string, bytes: Uint8Array): Tree {
  const refuse = () =>
    listFault(name, "the file is not a MaxMind database", "use a file such as GeoLite2-Country.mmdb");
  const at = markerIn(bytes);
  if (at === undefined) throw refuse();
  let metadata: unknown;
  try {
    metadata = decodeMmdbValue(bytes.subarray(at + MARKER.length), 0);
  } catch {
    throw refuse();
  }
  const {
    node_count: nodes,
    record_size: recordBits,
    ip_version: version,
  } = (metadata ?? {}) as Record<string, unknown>;
  const isKnown = typeof nodes === "number" && (recordBits === 24 || recordBits === 28 || recordBits === 32);
  if (!isKnown || (version !== 4 && version !== 6)) throw refuse();
  const treeBytes = (nodes * recordBits) / 4;
  if (treeBytes + SEPARATOR_BYTES > at) throw listFault(name, "the database is damaged", "download it again");
  const data = bytes.subarray(treeBytes + SEPARATOR_BYTES, at);
  return { bytes, nodes, recordBits, isIpv6: version === 6, data };
}

function markerIn(bytes: Uint8Array): number | undefined {
  const from = Math.max(0, bytes.length - METADATA_BYTES);
  for (let at = bytes.length - MARKER.length; at >= from; at -= 1) {
    if (MARKER.every((byte, index) => bytes[at + index] === byte)) return at;
  }
  return undefined;
}

/** Every node once: IPv4 is linked from several places of an IPv6 tree, and a hostile tree may have cycles. */
function walk(tree: Tree, isWanted: (record: number) => boolean, found: Prefix[]): void {
  const seen = new Uint8Array(tree.nodes);
  const waiting: { node: number; address: bigint; depth: number }[] = [{ node: 0, address: 0n, depth: 0 }];
  const width = tree.isIpv6 ? 128 : 32;
  for (let one = waiting.pop(); one !== undefined; one = waiting.pop()) {
    const { node, address, depth } = one;
    if (depth >= width || seen[node] === 1) continue;
    seen[node] = 1;
    // The left child is visited first, so that IPv4 is found at ::/96.
    for (const side of [1, 0] as const) {
      const record = recordOf(tree, node, side);
      const next = side === 0 ? address : address | (1n << BigInt(width - 1 - depth));
      if (record < tree.nodes) waiting.push({ node: record, address: next, depth: depth + 1 });
      else if (record > tree.nodes && isWanted(record)) found.push(prefixAt(tree, next, depth + 1));
    }
  }
}

function prefixAt({ isIpv6 }: Tree, address: bigint, length: number): Prefix {
  if (!isIpv6) return { family: 4, address, length };
  if (length >= IPV4_DEPTH && address >> 32n === 0n) return { family: 4, address, length: length - IPV4_DEPTH };
  return { family: 6, address, length };
}

/** "Search Tree Section": two records a node, of 24, 28 or 32 bits. */
function recordOf({ bytes, recordBits }: Tree, node: number, side: 0 | 1): number {
  const at = (node * recordBits) / 4;
  const byte = (index: number): number => {
    const value = bytes[at + index];
    if (value === undefined) throw new RangeError("beyond the tree");
    return value;
  };
  if (recordBits === 28) {
    const high = side === 0 ? byte(3) >> 4 : byte(3) & 0x0f;
    const low = side * 4;
    return high * 2 ** 24 + (byte(low) << 16) + (byte(low + 1) << 8) + byte(low + 2);
  }
  const size = recordBits / 8;
  let value = 0;
  for (let index = side * size; index < (side + 1) * size; index += 1) value = value * 256 + byte(index);
  return value;
}

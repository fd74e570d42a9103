import { addressBits, type IpAddress, parseIp } from "../../model/ip.ts";
import { type Prefix, parsePrefix } from "../../model/prefix.ts";

const LIMIT = 50_000;
const addresses = new Map<string, IpAddress>();
const prefixes = new Map<string, Prefix>();

/** Parses an address from the state; cached, because each simulated packet needs it again. */
export function addressOf(text: string): IpAddress {
  return remember(addresses, text, parseIp, "address");
}

/** Parses a prefix from the state; cached as well. */
export function prefixOf(text: string): Prefix {
  return remember(prefixes, text, parsePrefix, "prefix");
}

/** Whether the prefix contains the address. */
export function covers(prefix: string, address: IpAddress): boolean {
  const { family, address: first, length } = prefixOf(prefix);
  if (family !== address.family) return false;
  return (first ^ address.value) >> BigInt(addressBits(family) - length) === 0n;
}

function remember<T>(known: Map<string, T>, text: string, parse: (text: string) => T | undefined, noun: string): T {
  const before = known.get(text);
  if (before !== undefined) return before;
  const value = parse(text);
  if (value === undefined) throw new TypeError(`the simulated host got "${text}", which is not a ${noun}`);
  if (known.size >= LIMIT) known.clear();
  known.set(text, value);
  return value;
}

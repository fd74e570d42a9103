import { AwgError } from "../error.ts";
import { type Family, type IpAddress, parseIp } from "../ip.ts";
import { mergePrefixes, parsePrefix, prefixRange } from "../prefix.ts";

interface Range {
  readonly first: bigint;
  readonly last: bigint;
}

/** Addresses of a list of prefixes, of both families; a lookup is one binary search. */
export class AddressSet {
  readonly #ranges: Readonly<Record<Family, readonly Range[]>>;

  /**
   * @param texts prefixes or bare addresses
   * @throws AwgError("bug") if a text is neither, because policies come from validated configurations
   */
  constructor(texts: readonly string[]) {
    const merged = mergePrefixes(texts.map(readPrefix));
    const ranges = (family: Family) => merged.filter((prefix) => prefix.family === family).map(prefixRange);
    this.#ranges = { 4: ranges(4), 6: ranges(6) };
  }

  /** Whether the address is covered. */
  has(address: IpAddress): boolean {
    const ranges = this.#ranges[address.family];
    let low = 0;
    let high = ranges.length - 1;
    while (low <= high) {
      const middle = (low + high) >> 1;
      const range = ranges[middle] as Range;
      if (address.value < range.first) high = middle - 1;
      else if (address.value > range.last) low = middle + 1;
      else return true;
    }
    return false;
  }
}

const knownSets = new WeakMap<readonly string[], AddressSet>();

/** The AddressSet of a list that does not change; long lists are used by several rules and layers. */
export function addressSetOf(texts: readonly string[]): AddressSet {
  const known = knownSets.get(texts) ?? new AddressSet(texts);
  knownSets.set(texts, known);
  return known;
}

/** An AddressSet that is built at the first lookup, so that constants cost nothing at start. */
export function lateAddressSet(texts: readonly string[]): Pick<AddressSet, "has"> {
  let set: AddressSet | undefined;
  return {
    has: (address) => {
      set ??= new AddressSet(texts);
      return set.has(address);
    },
  };
}

function readPrefix(text: string) {
  const prefix = parsePrefix(text);
  if (prefix === undefined) throw new AwgError("bug", `the firewall policy names "${text}", which is no prefix`);
  return prefix;
}

/**
 * Parses an address of a policy.
 *
 * @throws AwgError("bug") if the text is no address
 */
export function readAddress(text: string): IpAddress {
  const address = parseIp(text);
  if (address === undefined) throw new AwgError("bug", `the firewall policy names "${text}", which is no address`);
  return address;
}

import { parseIp } from "../../model/ip.ts";
import { NAME_SET_PREFIX, NFT_TABLE } from "../../model/ownership.ts";
import type { TableFamily } from "../../native/linux/nftables/field.ts";
import type { NftChange } from "../../native/linux/nftables/nft-netlink.ffi.ts";
import { elementOf, encodeElementDeletion, encodeElements } from "../../native/linux/nftables/set-element.codec.ts";

/** The most addresses of one set; a name service that returns more is hostile. */
const MOST_ADDRESSES = 8192;
const LONGEST_SECONDS = 86_400;
/** The shortest life of an address, in which open flows to it are looked for. */
export const LEAST_SECONDS = 3;

/** An address and how long it stays, from outside. */
export interface WantedAddress {
  readonly address: string;
  readonly seconds: number;
}

/** The messages that add addresses, and those that also renew what is there already. */
export interface FillChanges {
  readonly renewing: readonly NftChange[];
  readonly adding: readonly NftChange[];
}

/**
 * The addresses that the resolver has put into dynamic sets (rule S4.14), with the time at which each expires. The kernel
 * expires them by itself; this memory carries them over the load of another policy.
 */
export class NameSets {
  readonly #sets = new Map<string, Map<string, number>>();

  /** The changes that put these addresses into a set of the tables of `families`. Unknown texts are left out. */
  changesToFill(
    families: readonly TableFamily[],
    set: string,
    wanted: readonly WantedAddress[],
    nowMs: number,
  ): FillChanges {
    const usable = wanted.filter(({ address }) => parseIp(address) !== undefined);
    const known = this.#sets.get(set) ?? new Map<string, number>();
    const renewed = usable.filter(({ address }) => (known.get(address) ?? 0) > nowMs);
    const adding = usable.flatMap((one) => families.flatMap((family) => additionOf(family, set, one)));
    const deleting = renewed.flatMap(({ address }) => families.flatMap((family) => deletionOf(family, set, address)));
    return { renewing: [...deleting, ...adding], adding };
  }

  /** Remembers what is in a set now; false if it is full. */
  note(set: string, wanted: readonly WantedAddress[], nowMs: number): void {
    const known = this.#sets.get(set) ?? new Map<string, number>();
    for (const { address, seconds } of wanted)
      known.set(address, Math.max(known.get(address) ?? 0, nowMs + boundedMs(seconds)));
    for (const [address, untilMs] of known) if (untilMs <= nowMs) known.delete(address);
    this.#sets.set(set, known);
  }

  /** Whether a set has room for so many more addresses. */
  hasRoom(set: string, more: number): boolean {
    return (this.#sets.get(set)?.size ?? 0) + more <= MOST_ADDRESSES;
  }

  /** The changes that fill a set that a load has just made. */
  changesToRestore(family: TableFamily, set: string, nowMs: number): readonly NftChange[] {
    const [, name = ""] = /^(.*)-v[46]$/.exec(set) ?? [];
    const version = set.endsWith("6") ? 6 : 4;
    return [...(this.#sets.get(name) ?? [])].flatMap(([address, untilMs]) => {
      if (untilMs <= nowMs || parseIp(address)?.family !== version) return [];
      return additionOf(family, name, { address, seconds: (untilMs - nowMs) / 1000 });
    });
  }

  /** Addresses that expire within this time, by set. */
  expiringWithin(milliseconds: number, nowMs: number): readonly { readonly set: string; readonly address: string }[] {
    return [...this.#sets].flatMap(([set, known]) =>
      [...known].flatMap(([address, untilMs]) =>
        untilMs > nowMs && untilMs - nowMs < milliseconds ? [{ set, address }] : [],
      ),
    );
  }

  /** Forgets all addresses. */
  forget(): void {
    this.#sets.clear();
  }
}

/** Whether this is the name of a set that the resolver may fill. */
export function isNameSet(name: string): boolean {
  return name.startsWith(NAME_SET_PREFIX);
}

function boundedMs(seconds: number): number {
  return Math.round(Math.min(LONGEST_SECONDS, Math.max(LEAST_SECONDS, seconds)) * 1000);
}

function additionOf(family: TableFamily, set: string, { address, seconds }: WantedAddress): NftChange[] {
  const { identity, from } = elementIn(family, set, address);
  const element = { from, timeoutMs: boundedMs(seconds) };
  return encodeElements(identity, [element]).map((message) => ({ message, action: `adding ${address} to ${set}` }));
}

function deletionOf(family: TableFamily, set: string, address: string): NftChange[] {
  const { identity, from } = elementIn(family, set, address);
  return encodeElementDeletion(identity, [{ from }]).map((message) => ({ message, action: `renewing ${address}` }));
}

function elementIn(family: TableFamily, set: string, address: string) {
  const version = address.includes(":") ? 6 : 4;
  const name = `${set}-v${version}`;
  const { from } = elementOf([version === 4 ? "ip.daddr" : "ip6.daddr"], [address]);
  return { identity: { family, table: NFT_TABLE, name, intervals: false, concatenated: false }, from };
}

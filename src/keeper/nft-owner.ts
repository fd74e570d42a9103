import type { NftTransaction } from "../model/keeper-protocol.ts";
import { NFT_TABLE, ownTablesAmong } from "../model/ownership.ts";
import { hasErrno } from "../native/linux/errno.ts";
import type { NetlinkSocket } from "../native/linux/netlink/netlink-socket.ffi.ts";
import type { SentRequests } from "../native/linux/netlink/own-writes.ts";
import type { TableFamily } from "../native/linux/nftables/field.ts";
import {
  commitNftChanges,
  type NftChange,
  newSetIn,
  openNetfilterSocket,
  readNftChains,
  readNftTables,
} from "../native/linux/nftables/nft-netlink.ffi.ts";
import { encodeTable, type NftTable } from "../native/linux/nftables/table.codec.ts";
import { isNameSet, NameSets, type WantedAddress } from "./names/name-sets.ts";

/**
 * The netlink socket that owns our tables: while it is open no other process can change or flush them. When this
 * process dies they stay (flag persist) until the next keeper adopts them.
 */
export class NftOwner implements Disposable {
  readonly #names = new NameSets();
  #socket: NetlinkSocket | undefined;

  /** Adopts our tables that a dead keeper left; none is success. */
  adoptTables(): void {
    const orphans = this.#ourTables().filter((table) => table.persistent && !table.owned);
    commitNftChanges(
      this.#open(),
      orphans.map(({ family, name }) => ({
        message: encodeTable({ family, name, owned: true, persistent: true }),
        action: `adopting the nf_tables table ${family} ${name}`,
      })),
    );
  }

  /** Whether another process owns our tables, such as a keeper that is still ending. */
  get isContested(): boolean {
    const { port } = this.#open();
    return this.#ourTables().some(({ owned, ownerPort }) => owned && ownerPort !== port);
  }

  /**
   * Commits a client's transaction as the owner. Sets of names that it makes are filled in the same transaction with what
   * they held. Throws the kernel's error with the index of the refused change.
   */
  commit({ changes, generation }: NftTransaction): SentRequests | undefined {
    const decoded = changes.map(({ message, action }) => ({
      message: new Uint8Array(Buffer.from(message, "base64")),
      action,
    }));
    const refilling = decoded.flatMap(({ message }) => this.#refill(message));
    return commitNftChanges(this.#open(), [...decoded, ...refilling], generation === undefined ? {} : { generation });
  }

  #refill(message: Uint8Array): readonly NftChange[] {
    const made = newSetIn(message);
    if (made === undefined || made.table !== NFT_TABLE || !isNameSet(made.name)) return [];
    return this.#names.changesToRestore(made.family, made.name, performance.now());
  }

  /** Puts addresses into a dynamic set of our tables, or renews them there; false without such a set. */
  fillNames(set: string, wanted: readonly WantedAddress[]): boolean {
    const families = this.#ownFamilies();
    const nowMs = performance.now();
    if (families.length === 0 || !this.#names.hasRoom(set, wanted.length)) return false;
    const { renewing, adding } = this.#names.changesToFill(families, set, wanted, nowMs);
    try {
      commitNftChanges(this.#open(), renewing);
    } catch (error) {
      if (!hasErrno(error, "ENOENT")) throw error;
      // An element may have expired a moment ago; without the set this fails too.
      commitNftChanges(this.#open(), adding);
    }
    this.#names.note(set, wanted, nowMs);
    return true;
  }

  /** Addresses in dynamic sets that expire within this time. */
  namesExpiringWithin(milliseconds: number): ReturnType<NameSets["expiringWithin"]> {
    return this.#names.expiringWithin(milliseconds, performance.now());
  }

  /** Forgets the addresses in dynamic sets: nobody renews them any more. */
  forgetNames(): void {
    this.#names.forget();
  }

  /** Families of our tables with sets that this socket may change: kernels before 6.9 have no owners. */
  #ownFamilies(): readonly TableFamily[] {
    const socket = this.#open();
    return this.#ourTables()
      .filter(({ family, owned, ownerPort }) => family !== "arp" && (!owned || ownerPort === socket.port))
      .map(({ family }) => family);
  }

  /** The tables this socket owns: "inet awg". */
  ownedTables(): string[] {
    const socket = this.#socket;
    if (socket === undefined) return [];
    return readNftTables(socket)
      .filter((table) => table.owned && table.ownerPort === socket.port)
      .map(({ family, name }) => `${family} ${name}`);
  }

  #ourTables(): NftTable[] {
    const socket = this.#open();
    return ownTablesAmong(readNftTables(socket), () => readNftChains(socket));
  }

  #open(): NetlinkSocket {
    this.#socket ??= openNetfilterSocket();
    return this.#socket;
  }

  [Symbol.dispose](): void {
    this.#socket?.[Symbol.dispose]();
    this.#socket = undefined;
  }
}

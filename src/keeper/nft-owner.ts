import type { NftTransaction } from "../model/keeper-protocol.ts";
import { ownTablesAmong } from "../model/ownership.ts";
import type { NetlinkSocket } from "../native/linux/netlink/netlink-socket.ffi.ts";
import type { SentRequests } from "../native/linux/netlink/own-writes.ts";
import {
  commitNftChanges,
  openNetfilterSocket,
  readNftChains,
  readNftTables,
} from "../native/linux/nftables/nft-netlink.ffi.ts";
import { encodeTable, type NftTable } from "../native/linux/nftables/table.codec.ts";

/**
 * The netlink socket that owns our tables: while it is open no other process can change or flush them. When this
 * process dies they stay (flag persist) until the next keeper adopts them.
 */
export class NftOwner implements Disposable {
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

  /** Commits a client's transaction as the owner. Throws the kernel's error with the index of the refused change. */
  commit({ changes, generation }: NftTransaction): SentRequests | undefined {
    return commitNftChanges(
      this.#open(),
      changes.map(({ message, action }) => ({ message: new Uint8Array(Buffer.from(message, "base64")), action })),
      generation === undefined ? {} : { generation },
    );
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

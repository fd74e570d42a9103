import type { KeeperStatus } from "../../../../model/keeper-protocol.ts";
import type { NetlinkSocket } from "../../../../native/linux/netlink/netlink-socket.ffi.ts";
import { noteOwnTransaction } from "../../../../native/linux/netlink/own-writes.ts";
import { commitNftChanges, type NftChange } from "../../../../native/linux/nftables/nft-netlink.ffi.ts";
import type { KeeperClient } from "../../keeper-client.ts";

/** The process that commits awg's transactions; its socket owns awg's tables. */
export interface NftOwner {
  /** Whether it can commit without being started first. */
  isReady(): Promise<boolean>;
  /** Starts it if it does not run. */
  start(): Promise<void>;
  /**
   * Commits the changes as one transaction, all or none. With `generation`: none if the ruleset has another generation.
   *
   * @throws AwgError with the change that the kernel refused
   */
  sendTransaction(changes: readonly NftChange[], generation?: number): Promise<void>;
}

/** Sends transactions to the keeper, with a socket that outlives this process. Starts a keeper if none runs. */
export function keeperNftOwner(keeper: KeeperClient): NftOwner {
  return {
    isReady: async () => (await keeper.status()) !== undefined,
    start: () => keeper.ensureRunning(),
    sendTransaction: async (changes, generation) => {
      await keeper.ensureRunning();
      const committed = await asOwner(keeper, () =>
        keeper.request({
          request: "nftTransaction",
          changes: changes.map(({ message, action }) => ({ message: Buffer.from(message).toString("base64"), action })),
          ...(generation === undefined ? {} : { generation }),
        }),
      );
      if (committed !== undefined) noteOwnTransaction(committed);
    },
  };
}

async function asOwner(keeper: KeeperClient, send: () => Promise<KeeperStatus>): Promise<KeeperStatus["committed"]> {
  try {
    return (await send()).committed;
  } catch (error) {
    const { nameTableOwner } = await import("../../processes/table-owner.ts");
    throw nameTableOwner(error, (await keeper.status())?.pid);
  }
}

/** Commits by a socket of this process. After it is closed the tables stay, but any root program can flush them. */
export function localNftOwner(socket: NetlinkSocket): NftOwner {
  return {
    isReady: async () => true,
    start: async () => {},
    sendTransaction: async (changes, generation) => {
      commitNftChanges(socket, changes, generation === undefined ? {} : { generation });
    },
  };
}

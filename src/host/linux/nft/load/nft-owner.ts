import type { KeeperStatus } from "../../../../model/keeper-protocol.ts";
import type { NetlinkSocket } from "../../../../native/linux/netlink/netlink-socket.ffi.ts";
import { noteOwnTransaction } from "../../../../native/linux/netlink/own-writes.ts";
import { commitNftChanges, type NftChange } from "../../../../native/linux/nftables/nft-netlink.ffi.ts";
import type { KeeperClient } from "../../keeper-client.ts";

/** Whoever commits our transactions: the socket it uses becomes the owner of our tables. */
export interface NftOwner {
  /** Whether it would commit now, without being started first. */
  isReady(): boolean;
  /** Starts it where it is not. */
  start(): Promise<void>;
  /**
   * Commits the changes as one transaction: all of them or none; with `generation` none where the ruleset is no longer of
   * that generation.
   *
   * @throws AwgError that names the change the kernel refused.
   */
  sendTransaction(changes: readonly NftChange[], generation?: number): Promise<void>;
}

/** Hands transactions to the keeper, whose socket outlives this process; starts one when none runs. */
export function keeperNftOwner(keeper: KeeperClient): NftOwner {
  return {
    isReady: () => keeper.status() !== undefined,
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

async function asOwner(keeper: KeeperClient, send: () => KeeperStatus): Promise<KeeperStatus["committed"]> {
  try {
    return send().committed;
  } catch (error) {
    const { nameTableOwner } = await import("../../processes/table-owner.ts");
    throw nameTableOwner(error, keeper.status()?.pid);
  }
}

/** Commits by a socket of this process: when it is closed the tables stay, but anybody with the rights can flush them. */
export function localNftOwner(socket: NetlinkSocket): NftOwner {
  return {
    isReady: () => true,
    start: async () => {},
    sendTransaction: async (changes, generation) => {
      commitNftChanges(socket, changes, generation === undefined ? {} : { generation });
    },
  };
}

import { setTimeout as sleep } from "node:timers/promises";
import type { NetlinkSocket } from "../../../../native/linux/netlink/netlink-socket.ffi.ts";
import { hasSeveralNumbers } from "../render/numbered-sets.ts";
import { ownParts } from "./own-tables.ts";

/** Between the two transactions of a load of 50,000 prefixes pass some hundred milliseconds. */
const LONGEST_MS = 1000;
const PAUSE_MS = 20;

/**
 * Waits for the second transaction of a load that another process may be making. Returns whether any wait was needed; if the
 * other process has died, what it left is still there.
 */
export async function awaitLoad(socket: NetlinkSocket): Promise<boolean> {
  let waitedMs = 0;
  for (; waitedMs < LONGEST_MS && isUnfinished(socket); waitedMs += PAUSE_MS) await sleep(PAUSE_MS);
  return waitedMs > 0;
}

function isUnfinished(socket: NetlinkSocket): boolean {
  return ownParts(socket).some(({ chains, sets }) => chains.length === 0 || hasSeveralNumbers(sets));
}

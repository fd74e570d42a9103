import { openLibSystem } from "./darwin/libsystem.ffi.ts";
import { darwinUnixExchanges } from "./darwin/unix-exchange.ts";
import { errnoName } from "./linux/errno.ts";
import { exchangeOverUnixSocket, isUnixSocketLive } from "./linux/process/unix-exchange.ffi.ts";
import { SYSTEM } from "./system.ts";
import type { UnixExchanges } from "./unix-exchange.ts";

const LINUX: UnixExchanges = { exchange: exchangeOverUnixSocket, isLive: isUnixSocketLive, errnoName };

/** Unix sockets of this process's system: macOS's calls use other numbers and lengths than Linux's. */
export function unixExchangesHere(): UnixExchanges {
  return SYSTEM === "darwin" ? darwinUnixExchanges(openLibSystem()) : LINUX;
}

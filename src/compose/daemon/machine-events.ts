import { keeperClient } from "../../host/linux/keeper-client.ts";
import { keeperEvents } from "../../host/linux/keeper-watch.ts";
import { linuxNetworkEvents } from "../../host/linux/network-events.ts";
import { linuxResolverEvents } from "../../host/linux/resolver/resolver-events.ts";
import type { NetworkEvent } from "../../host/ports/network-events.ts";
import { keeperPaths } from "../../model/keeper-protocol.ts";
import { readNamespaceInode } from "../../native/linux/process/namespace.ffi.ts";
import { pathsFor } from "../paths.ts";
import type { SessionOptions } from "../session.ts";

/** Everything that tells of changes of this machine by others: its network, its resolver, and the keeper's end. */
export function watchMachine(
  { stateDir, runDir }: Pick<SessionOptions, "stateDir" | "runDir">,
  onEvent: (event: NetworkEvent) => void,
): AsyncDisposable {
  const keeper = keeperClient(keeperPaths(pathsFor(stateDir, runDir).runDir, readNamespaceInode()), []);
  const watches = new AsyncDisposableStack();
  for (const events of [linuxNetworkEvents, linuxResolverEvents, keeperEvents(keeper)])
    watches.use(events.watch(onEvent));
  return watches;
}

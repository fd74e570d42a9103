import type { HostOptions } from "../app/host-options.ts";
import { repeat } from "../daemon/timers.ts";
import { darwinFirewallEvents, FIREWALL_LOOK_MS } from "../host/darwin/firewall/firewall-events.ts";
import { KEEPER_LOOK_MS, keeperEvents as macKeeperEvents } from "../host/darwin/keeper-events.ts";
import { keeperHolder } from "../host/darwin/links/keeper-holder.ts";
import { darwinNetworkEvents, LOOK_MS } from "../host/darwin/network-events/darwin-network-events.ts";
import { ProcessTable } from "../host/darwin/processes/process-table.ts";
import { darwinResolverEvents } from "../host/darwin/resolver/resolver-events.ts";
import { programPlaces } from "../host/linux/classifier/program-places.ts";
import { keeperClient } from "../host/linux/keeper-client.ts";
import { keeperEvents } from "../host/linux/keeper-watch.ts";
import { linuxNetworkEvents } from "../host/linux/network-events.ts";
import { linuxResolverEvents } from "../host/linux/resolver/resolver-events.ts";
import type { NetworkEvent, NetworkEvents } from "../host/ports/network-events.ts";
import { keeperPaths } from "../model/keeper-protocol.ts";
import { openLibSystem } from "../native/darwin/libsystem.ffi.ts";
import { readPeerUid } from "../native/darwin/peer-credentials.ts";
import { readNamespaceInode } from "../native/linux/process/namespace.ffi.ts";
import { DARWIN_NAME_FOLDER, pathsFor } from "./paths.ts";

/** macOS has no network namespaces: one keeper for each run folder. */
const ONLY_NAMESPACE = 0;

type Place = Pick<HostOptions, "stateDir" | "runDir">;

/**
 * All events of changes of this host by others: its network, its resolver, and the keeper's end. A simulated host has
 * its own events, and the real one does not wake it.
 */
export function watchNetwork(
  place: Place,
  own: NetworkEvents | undefined,
  onEvent: (event: NetworkEvent) => void,
): AsyncDisposable {
  const watches = new AsyncDisposableStack();
  for (const events of own === undefined ? eventsOf(place) : [own]) watches.use(events.watch(onEvent));
  return watches;
}

function eventsOf(place: Place): readonly NetworkEvents[] {
  if (process.platform === "darwin") return macEvents(place);
  const { stateDir, runDir } = place;
  const keeper = keeperClient(keeperPaths(pathsFor(stateDir, runDir).runDir, readNamespaceInode()), []);
  return [linuxNetworkEvents, linuxResolverEvents, programPlaces, keeperEvents(keeper)];
}

function macEvents({ stateDir, runDir }: Place): readonly NetworkEvents[] {
  const system = openLibSystem();
  const processes = new ProcessTable(system);
  const network = darwinNetworkEvents({
    system,
    clock: { wallMs: Date.now, steadyMs: () => performance.now() },
    every: (onDue) => repeat(() => LOOK_MS, onDue),
    programOf: (pid) => processes.read(pid)?.name,
  });
  const firewall = darwinFirewallEvents({ system, every: (onDue) => repeat(() => FIREWALL_LOOK_MS, onDue) });
  const { status } = keeperHolder({
    paths: keeperPaths(pathsFor(stateDir, runDir).runDir, ONLY_NAMESPACE),
    nameFolder: DARWIN_NAME_FOLDER,
    command: [],
    peerUid: (fd) => readPeerUid(system, fd),
  });
  const keeper = macKeeperEvents({ system, status, every: (onDue) => repeat(() => KEEPER_LOOK_MS, onDue) });
  return [network, firewall, darwinResolverEvents(), keeper];
}

import type { Program } from "../../../model/program/program.ts";
import { counted } from "../../../model/text/counted.ts";
import type { LibSystem } from "../../../native/darwin/libsystem.ts";
import type { ProcessList, ProcessPort } from "../../ports/processes.ts";
import { BundleNames } from "./bundles.ts";
import { ProcessTable } from "./process-table.ts";
import { type Every, watchProcesses } from "./process-watch.ts";
import { SocketTable } from "./socket-table.ts";

export interface DarwinProcessDeps {
  readonly system: LibSystem;
  /** Milliseconds of a monotonic clock. */
  readonly nowMs: () => number;
  /** The interval of `watch`, about twice a second. */
  readonly every: Every;
  /** Folder used instead of /. */
  readonly root?: string;
}

/** macOS's processes and sockets, over libSystem alone. */
export function darwinProcesses({ system, nowMs, every, root = "/" }: DarwinProcessDeps): ProcessPort {
  const table = new ProcessTable(system, new BundleNames(nowMs, root));
  const sockets = new SocketTable(system, table);
  return {
    list: () => listPrograms(table),
    read: (pid) => table.read(pid),
    isAlive: ({ pid, since }) => table.uniqueId(pid) === since,
    ownerOf: (tuple) => sockets.ownerOf(tuple, nowMs()),
    sockets: () => sockets.all(),
    watch: (onEvent) => watchProcesses(system, table, every, onEvent),
  };
}

function listPrograms(table: ProcessTable): ProcessList {
  const programs = table
    .pids()
    .map((pid) => table.read(pid))
    .filter((program): program is Program => program !== undefined);
  const withoutPath = programs.filter(({ path }) => path === undefined).length;
  const withoutBundle = programs.filter(({ path, bundleIds }) => path !== undefined && bundleIds === undefined).length;
  const withoutSigner = programs.filter(({ signer }) => signer === undefined).length;
  const withoutArguments = programs.filter(({ commandLine }) => commandLine === undefined).length;
  return {
    programs,
    unseen: [
      ...(withoutPath === 0
        ? []
        : [`the files of ${counted(withoutPath, "program")}, deleted or replaced since they started`]),
      ...(withoutBundle === 0
        ? []
        : [`the bundles of ${counted(withoutBundle, "program")}, which have no readable Info.plist`]),
      ...(withoutSigner === 0
        ? []
        : [`the signers of ${counted(withoutSigner, "program")}, which the kernel did not report`]),
      ...(withoutArguments === 0 ? [] : [`the arguments of ${counted(withoutArguments, "program")} of other users`]),
    ],
  };
}

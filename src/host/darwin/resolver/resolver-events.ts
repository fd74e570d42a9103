import { type FSWatcher, readFileSync, watch } from "node:fs";
import { basename, dirname, join } from "node:path";
import { sameData } from "../../../model/canonical.ts";
import type { ResolverSpec } from "../../../model/resources/resolver.ts";
import type { NetworkEvents } from "../../ports/network-events.ts";
import { readSplit } from "./split-files.ts";

/** configd writes it whenever the servers for all names change, also for another primary service. */
const RESOLV_CONF = "private/var/run/resolv.conf";
const SPLIT_FOLDER = "etc/resolver";

type Written = Required<Pick<ResolverSpec, "servers" | "split">>;

let written: Partial<Written> = {};

/**
 * Records what this process is about to write, so that it is not reported as another program's change: the servers for
 * all names, the system's where awg's are removed, and the files of single domains.
 */
export function noteWritten(next: Written): void {
  written = next;
}

/**
 * Changes of the system resolver by others: configd's file, and the files of single domains. The kernel does not name
 * the writer; what awg itself set last is no change.
 *
 * @param root folder used instead of /
 */
export function darwinResolverEvents(root = "/"): NetworkEvents {
  return {
    watch(onEvent) {
      const resolvConf = join(root, RESOLV_CONF);
      const splitFolder = join(root, SPLIT_FOLDER);
      const reporting = (what: string, isOwn: () => boolean) => () => {
        if (!isOwn()) onEvent({ what, renumbered: false });
      };
      const servers = reporting("the system resolver", () => serversIn(resolvConf) === written.servers?.join());
      const split = reporting(`/${SPLIT_FOLDER}`, () => sameData(readSplit(splitFolder), written.split));
      const watchers = [
        ...watchNames(dirname(resolvConf), [basename(resolvConf)], servers),
        // The folder may not exist yet: its parent is watched for it.
        ...watchNames(dirname(splitFolder), [basename(splitFolder)], split),
        ...watchNames(splitFolder, undefined, split),
      ];
      return {
        async [Symbol.asyncDispose]() {
          for (const one of watchers) one.close();
        },
      };
    },
  };
}

function watchNames(folder: string, names: readonly string[] | undefined, onChange: () => void): FSWatcher[] {
  try {
    const watcher = watch(folder, { persistent: false }, (_, name) => {
      if (names === undefined || name === null || names.includes(name)) onChange();
    });
    watcher.on("error", () => watcher.close());
    return [watcher];
  } catch {
    return [];
  }
}

function serversIn(path: string): string {
  try {
    return [...readFileSync(path, "utf8").matchAll(/^nameserver\s+(\S+)/gm)].map(([, server]) => server).join();
  } catch {
    return "";
  }
}

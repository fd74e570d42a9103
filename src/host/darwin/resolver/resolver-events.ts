import { type FSWatcher, readFileSync, watch } from "node:fs";
import { basename, dirname, join } from "node:path";
import { sameData } from "../../../model/canonical.ts";
import type { ResolverSpec } from "../../../model/resources/resolver.ts";
import type { NetworkEvents } from "../../ports/network-events.ts";
import { readSplit } from "./split-files.ts";

/** Written by configd whenever the servers for all names change, also with another primary service. */
const RESOLV_CONF = "private/var/run/resolv.conf";
const SPLIT_FOLDER = "etc/resolver";

type Written = Required<Pick<ResolverSpec, "servers" | "split">>;

let written: Partial<Written> = {};

/**
 * Remembers what will stand by what this process is about to do, so that it does not take it for others' work: the servers
 * for all names, the system's own where awg's go, and the files of single domains.
 */
export function noteWritten(next: Written): void {
  written = next;
}

/**
 * Changes of the system resolver by others: configd's own file, and the files of single domains. Who it was no kernel
 * tells; what awg itself set last is no change.
 *
 * @param root folder that stands for /
 */
export function darwinResolverEvents(root = "/"): NetworkEvents {
  return {
    watch(onEvent) {
      const resolvConf = join(root, RESOLV_CONF);
      const splitFolder = join(root, SPLIT_FOLDER);
      const told = (what: string, isOwn: () => boolean) => () => {
        if (!isOwn()) onEvent({ what, renumbered: false });
      };
      const servers = told("the system resolver", () => serversIn(resolvConf) === written.servers?.join());
      const split = told(`/${SPLIT_FOLDER}`, () => sameData(readSplit(splitFolder), written.split));
      const watchers = [
        ...watchNames(dirname(resolvConf), [basename(resolvConf)], servers),
        // The folder need not be there yet: its own folder tells when it comes.
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

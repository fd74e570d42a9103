import { type FSWatcher, watch } from "node:fs";
import { basename, dirname, join } from "node:path";
import type { ClassifierSpec } from "../../../model/program/classifier.ts";
import { realPathOf } from "../../../native/linux/real-path.ts";
import type { NetworkEvent, NetworkEvents } from "../../ports/network-events.ts";

/** A user may change a folder without a pause, and each new watch of all folders takes milliseconds. */
const PAUSE_MS = 200;
const CHANGED: NetworkEvent = { what: "folders of programs in rules", renumbered: false, devices: [] };

/**
 * Reports when a folder, link or control group on the way to a program of the classifier is replaced: the kernel knows them
 * by their inodes, so the classifier has to be loaded again. Follows what this process read last.
 */
export class ProgramPlaces implements NetworkEvents {
  #paths: readonly string[] = [];
  #watchers: FSWatcher[] = [];
  #pause: NodeJS.Timeout | undefined;
  #onEvent: ((event: NetworkEvent) => void) | undefined;

  /** From now on the places of these paths count, also those where nothing is yet. */
  follow(paths: readonly string[]): void {
    if (paths.join("\0") === this.#paths.join("\0")) return;
    this.#paths = paths;
    if (this.#pause === undefined) this.#arm();
  }

  watch(onEvent: (event: NetworkEvent) => void): AsyncDisposable {
    this.#onEvent = onEvent;
    this.#arm();
    return {
      [Symbol.asyncDispose]: async () => {
        this.#onEvent = undefined;
        this.#disarm();
      },
    };
  }

  #arm(): void {
    this.#disarm();
    if (this.#onEvent === undefined) return;
    for (const [folder, names] of placesOf(this.#paths)) {
      const watcher = watcherOf(folder, (name) => {
        if (name === null || names.has(name)) this.#reportAfterPause();
      });
      if (watcher !== undefined) this.#watchers.push(watcher);
    }
  }

  #disarm(): void {
    clearTimeout(this.#pause);
    this.#pause = undefined;
    for (const watcher of this.#watchers) watcher.close();
    this.#watchers = [];
  }

  /** Watches again before it reports, so that no later change is missed. */
  #reportAfterPause(): void {
    this.#disarm();
    this.#pause = setTimeout(() => {
      this.#arm();
      this.#onEvent?.(CHANGED);
    }, PAUSE_MS).unref();
  }
}

/** The places that this process watches. */
export const programPlaces = new ProgramPlaces();

/** The files, folders and control groups that a classifier knows by inode. */
export function pathsIn({ atoms }: ClassifierSpec, cgroupRoot: string): readonly string[] {
  return atoms.flatMap((atom) => {
    if ("file" in atom) return [atom.file];
    if ("folder" in atom) return [atom.folder];
    return "cgroup" in atom ? [join(cgroupRoot, atom.cgroup)] : [];
  });
}

/** Each folder on the way to the paths, before and after links, with the names in it that lead on. */
function placesOf(paths: readonly string[]): ReadonlyMap<string, ReadonlySet<string>> {
  const places = new Map<string, Set<string>>();
  for (const path of paths.flatMap((one) => [one, realPathOf(one)])) {
    for (let at = path; at !== dirname(at); at = dirname(at)) {
      const names = places.get(dirname(at)) ?? new Set();
      places.set(dirname(at), names.add(basename(at)));
    }
  }
  return places;
}

/** None for a folder that is missing, or where the kernel has no watch left: the drift timer sees the change later. */
function watcherOf(folder: string, onName: (name: string | null) => void): FSWatcher | undefined {
  try {
    const watcher = watch(folder, { persistent: false }, (_, name) => onName(name));
    watcher.on("error", () => watcher.close());
    return watcher;
  } catch {
    return undefined;
  }
}

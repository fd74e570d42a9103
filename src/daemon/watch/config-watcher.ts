import { basename, dirname, resolve } from "node:path";
import { watch } from "chokidar";

/** A watch of files that grows: a config names lists. */
export interface ConfigWatcher extends AsyncDisposable {
  /** Watches these files too, from now on. */
  readonly follow: (paths: readonly string[]) => void;
}

/**
 * Watches config files and folders through whatever editors and kubelets do to them: writes in place, renames over,
 * deletions, symlinks that flip. The folders are watched, since a replaced file loses its watch. It only wakes; the
 * content is read afresh.
 */
export function watchConfig(paths: readonly string[], onChange: (path: string) => void): ConfigWatcher {
  const named = new Set<string>();
  const around = new Set<string>();
  const placesOf = (more: readonly string[]): string[] => {
    const added = more.map((path) => resolve(path)).filter((path) => !named.has(path));
    for (const path of added) named.add(path);
    for (const path of added) around.add(dirname(path));
    return [...new Set(added.flatMap((path) => [path, dirname(path)]))];
  };
  const watcher = watch(placesOf(paths), {
    ignoreInitial: true,
    depth: 1,
    ignorePermissionErrors: true,
  });
  watcher.on("all", (_, path) => {
    const isNamed = [...named].some((one) => path === one || dirname(path) === one);
    // kubelet's atomic writer flips a symlink called "..data" beside the files.
    const isFlipped = around.has(dirname(path)) && basename(path).startsWith("..");
    if (isNamed || isFlipped) onChange(path);
  });
  watcher.on("error", () => onChange("(the watcher failed)"));
  return {
    follow: (more) => {
      const places = placesOf(more);
      if (places.length > 0) watcher.add(places);
    },
    [Symbol.asyncDispose]: () => watcher.close(),
  };
}

import { basename, dirname, resolve } from "node:path";
import { watch } from "chokidar";

/**
 * Watches config files and folders through whatever editors and kubelets do to them: writes in place, renames over,
 * deletions, symlinks that flip. The folders are watched, since a replaced file loses its watch. It only wakes; the
 * content is read afresh.
 */
export function watchConfig(paths: readonly string[], onChange: (path: string) => void): AsyncDisposable {
  const named = paths.map((path) => resolve(path));
  const around = new Set(named.map((path) => dirname(path)));
  const watcher = watch([...new Set([...named, ...around])], {
    ignoreInitial: true,
    depth: 1,
    ignorePermissionErrors: true,
  });
  watcher.on("all", (_, path) => {
    const isNamed = named.some((one) => path === one || dirname(path) === one);
    // kubelet's atomic writer flips a symlink called "..data" beside the files.
    const isFlipped = around.has(dirname(path)) && basename(path).startsWith("..");
    if (isNamed || isFlipped) onChange(path);
  });
  watcher.on("error", () => onChange("(the watcher failed)"));
  return { [Symbol.asyncDispose]: () => watcher.close() };
}

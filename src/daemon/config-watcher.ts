import { basename, dirname, resolve } from "node:path";
import { watch } from "chokidar";

/**
 * Watches config files and folders through whatever editors and kubelets do to them: writes in place, renames over,
 * deletions, symlinks that flip. The folders are watched, since a file that is replaced takes its watch with it. Only
 * wakes; what stands there is read afresh.
 */
export function watchConfig(paths: readonly string[], onChange: (path: string) => void): AsyncDisposable {
  const wanted = new Set(paths.map((path) => basename(path)));
  const folders = [...new Set(paths.flatMap((path) => [resolve(path), dirname(resolve(path))]))];
  const watcher = watch(folders, { ignoreInitial: true, depth: 1, ignorePermissionErrors: true });
  watcher.on("all", (_, path) => {
    const name = basename(path);
    // A flipped symlink shows as a change of "..data" (kubelet's atomic writer) or of the link itself.
    if (wanted.has(name) || name.startsWith("..") || /\.(ya?ml|json)$/.test(name)) onChange(path);
  });
  watcher.on("error", () => onChange("(the watcher failed)"));
  return { [Symbol.asyncDispose]: () => watcher.close() };
}

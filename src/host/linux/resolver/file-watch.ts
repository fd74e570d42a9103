import { type FSWatcher, realpathSync, watch } from "node:fs";
import { basename, dirname } from "node:path";

/**
 * Reports when a file is written, replaced, deleted or created, directly or behind links. Watches the folder
 * (inotify(7) does not follow names), the file itself, which may be a mount point, and the same for each link's target.
 * A missing folder is not watched.
 */
export function watchFile(path: string, onChange: () => void): Disposable {
  let watchers: FSWatcher[] = [];
  const close = (): void => {
    for (const watcher of watchers) watcher.close();
    watchers = [];
  };
  const arm = (): void => {
    close();
    watchers = placesOf(path).flatMap(({ at, name }) => {
      try {
        const watcher = watch(at, { persistent: false }, (_, changed) => {
          if (name !== undefined && changed !== null && changed !== name) return;
          arm();
          onChange();
        });
        watcher.on("error", close);
        return [watcher];
      } catch {
        return [];
      }
    });
  };
  arm();
  return { [Symbol.dispose]: close };
}

function placesOf(path: string): { readonly at: string; readonly name?: string }[] {
  const real = realPath(path);
  const files = real === undefined || real === path ? [path] : [path, real];
  return files.flatMap((file) => [{ at: dirname(file), name: basename(file) }, { at: file }]);
}

function realPath(path: string): string | undefined {
  try {
    return realpathSync(path);
  } catch {
    return undefined;
  }
}

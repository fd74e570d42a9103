import { realpathSync } from "node:fs";

/** A path after symbolic links; the same path where nothing is there. */
export function realPathOf(path: string): string {
  try {
    return realpathSync(path);
  } catch {
    return path;
  }
}

/** `realPathOf` that looks each path up once: each is needed for every program and its ancestors. */
export function realPaths(): (path: string) => string {
  const known = new Map<string, string>();
  return (path) => {
    const found = known.get(path) ?? realPathOf(path);
    known.set(path, found);
    return found;
  };
}

import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";

/** A cgroup this process moved into, so that ending somebody's session or service does not end it too. */
export interface OwnCgroup extends Disposable {
  readonly folder: string;
}

/**
 * Moves this process into a cgroup (v2) of its own. Best effort: without a writable cgroup tree, as in a container, it
 * stays where it is and undefined is returned.
 */
export function joinOwnCgroup(name: string): OwnCgroup | undefined {
  try {
    const root = /^\S+ (\S+) cgroup2 /m.exec(readFileSync("/proc/self/mounts", "utf8"))?.[1];
    if (root === undefined) return undefined;
    const folder = `${root}/${name}`;
    mkdirSync(folder, { recursive: true });
    writeFileSync(`${folder}/cgroup.procs`, String(process.pid));
    return { folder, [Symbol.dispose]: () => leave(root, folder) };
  } catch {
    return undefined;
  }
}

/** An engine that runs on keeps the folder alive; then it stays for the next keeper. */
function leave(root: string, folder: string): void {
  try {
    writeFileSync(`${root}/cgroup.procs`, String(process.pid));
    rmdirSync(folder);
  } catch {
    return;
  }
}

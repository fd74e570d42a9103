import { mkdirSync, readFileSync, rmdirSync, writeFileSync } from "node:fs";

/** A cgroup that this process moved into, so that ending a session or service does not end it too. */
export interface OwnCgroup extends Disposable {
  readonly folder: string;
}

/**
 * Moves this process into its own cgroup (v2). Best effort: without a writable cgroup tree, as in a container, it stays
 * and the result is undefined.
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

/** A running engine keeps the folder busy; then it stays for the next keeper. */
function leave(root: string, folder: string): void {
  try {
    writeFileSync(`${root}/cgroup.procs`, String(process.pid));
    rmdirSync(folder);
  } catch {
    return;
  }
}

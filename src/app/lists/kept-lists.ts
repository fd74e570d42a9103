import { mkdirSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/** Lists that were fetched and verified, by the file that keeps them; not written yet, because a plan writes nothing. */
export const fetchedLists = new Map<string, Buffer>();

/** Keeps what was fetched in the state folder; called once the state that uses it is accepted. */
export function keepFetchedLists(): void {
  for (const [path, bytes] of fetchedLists) {
    mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
    const draft = `${path}.${process.pid}`;
    writeFileSync(draft, bytes, { mode: 0o600 });
    renameSync(draft, path);
    fetchedLists.delete(path);
  }
}

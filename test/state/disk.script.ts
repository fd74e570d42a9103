import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import type { JournalRecord } from "../../src/reconciler/journal/journal-record.ts";
import { fileStores } from "../../src/state/file-stores.ts";
import { SecretStore } from "../../src/state/secret-store.ts";
import { GENERATION, LEDGER, RECORDS } from "./records.ts";

// `write FOLDER` writes one file of each kind; `fill FOLDER` does so on a small file system until it takes no more.
const [what, folder = ""] = process.argv.slice(2);
const secrets = new SecretStore(join(folder, "awg"), { environment: {}, allowInsecurePermissions: false });
const stores = fileStores(join(folder, "awg"), { bootId: "b", namespace: "n" }, secrets);
secrets.idOf(new Uint8Array(32).fill(7));

async function writeAll(): Promise<void> {
  await secrets.persist();
  for (const record of RECORDS) await stores.journal.append(record);
  await stores.generations.write(GENERATION);
  await stores.ledger.write(LEDGER);
}

/** Whether a write fails; one that does leaves what is read as it was. */
async function isRefused(write: () => Promise<void>, read: () => Promise<unknown>): Promise<boolean> {
  const before = await read();
  try {
    await write();
    return false;
  } catch (error) {
    const { remedy } = error as { readonly remedy?: string };
    if (!/ENOSPC/.test(String(error)) || remedy?.startsWith("free some space") !== true) throw error;
    if (!isDeepStrictEqual(await read(), before)) throw new Error("a write that failed changed what is read");
    return true;
  }
}

/** Fills the file system but for each number of free bytes in turn, and writes until it is refused. */
async function fill(): Promise<void> {
  await writeAll();
  const ballast = join(folder, "ballast");
  const record: JournalRecord = { type: "rollback", cause: "x".repeat(3000) };
  const refused = { journal: 0, ledger: 0, generation: 0 };
  for (const pages of [0, 1, 2]) {
    let size = 0;
    try {
      for (; ; size += 4096) writeFileSync(ballast, Buffer.alloc(size));
    } catch {
      writeFileSync(ballast, Buffer.alloc(Math.max(0, size - 4096 * (1 + pages))));
    }
    const grown = { ...LEDGER, entries: Array.from({ length: 60 }, () => LEDGER.entries[0]) } as typeof LEDGER;
    const big = { ...GENERATION, configHash: "h".repeat(20_000) };
    if (
      await isRefused(
        () => stores.ledger.write(grown),
        () => stores.ledger.read(),
      )
    )
      refused.ledger += 1;
    if (
      await isRefused(
        () => stores.generations.write(big),
        () => stores.generations.latest(),
      )
    )
      refused.generation += 1;
    for (let count = 0; count < 20; count++)
      if (
        await isRefused(
          () => stores.journal.append(record),
          () => stores.journal.read(),
        )
      )
        refused.journal += 1;
    rmSync(ballast);
    // With room again everything can be written.
    await stores.journal.clear();
    await writeAll();
    await stores.journal.read();
  }
  process.stdout.write(JSON.stringify({ refused, ledger: readFileSync(join(folder, "awg", "ledger")).length }));
}

await (what === "fill" ? fill() : writeAll());

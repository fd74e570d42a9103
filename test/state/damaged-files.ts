import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isDeepStrictEqual } from "node:util";
import { expect } from "vitest";
import { knownConfigIn } from "../../src/app/load/known-config.ts";
import type { SourceFile } from "../../src/app/load/loaded-config.ts";
import { AwgError } from "../../src/model/error.ts";
import type { JournalStore } from "../../src/reconciler/journal/stores.ts";
import { fileStores } from "../../src/state/file-stores.ts";
import { SecretStore } from "../../src/state/secret-store.ts";
import { sampleConfig } from "../support/config.ts";
import { temporaryFolder } from "../support/folder.ts";
import { GENERATION, LEDGER, RECORDS } from "./records.ts";

const KEY = Buffer.alloc(32, 7);
const FILES: readonly SourceFile[] = [{ name: "a.yaml", text: sampleConfig(""), mode: 0o600 }];
const LOADED = { config: {} as never, problems: [], hash: "h", sources: ["a.yaml"] };

/** A file of the state folder and how the product reads it. */
export interface StateFile {
  readonly name: string;
  readonly load: (folder: string) => Promise<unknown>;
  /** What it may also give, where less than all is no lie: a journal's beginning, a cache that knows nothing. */
  readonly isLess?: (value: unknown, good: unknown, cut: boolean) => boolean;
}

const stores = (folder: string) => fileStores(folder, { bootId: "b", namespace: "n" });
const secretsIn = (folder: string) => new SecretStore(folder, { environment: {}, allowInsecurePermissions: false });

/** A folder with one file of each kind, and the files. */
export async function fullFolder(): Promise<{ readonly folder: string; readonly files: readonly StateFile[] }> {
  const folder = join(temporaryFolder(), "state");
  mkdirSync(folder, { mode: 0o700 });
  const { journal, ledger, generations, proposals } = stores(folder);
  for (const record of RECORDS) await journal.append(record);
  (journal as JournalStore & Disposable)[Symbol.dispose]();
  await ledger.write(LEDGER);
  await generations.write(GENERATION);
  await proposals?.write({ settled: "s", refused: "r" });
  const secrets = secretsIn(folder);
  const id = secrets.idOf(KEY);
  await secrets.persist();
  knownConfigIn(folder).write(FILES, LOADED);
  const beginsLike = (value: unknown, good: unknown, cut: boolean): boolean =>
    cut && JSON.stringify(good).startsWith(JSON.stringify(value).replace(/]$/, ""));
  return {
    folder,
    files: [
      { name: "journal", load: (at) => stores(at).journal.read(), isLess: beginsLike },
      { name: "ledger", load: (at) => stores(at).ledger.read() },
      { name: "generation-3", load: (at) => stores(at).generations.latest() },
      { name: join("secrets", id), load: async (at) => [...secretsIn(at).bytesOf(id)] },
      { name: "machine.key", load: async (at) => secretsIn(at).idOf(KEY) },
      {
        name: "known-config.json",
        load: async (at) => knownConfigIn(at).read(FILES),
        isLess: (value) => value === undefined,
      },
      {
        name: "proposed",
        load: async (at) => stores(at).proposals?.read(),
        isLess: (value) => JSON.stringify(value) === "{}",
      },
    ],
  };
}

/** Loads a file after something was done to it: as good as before, or an error that names it; the outcome in a word. */
export async function outcomeOf(folder: string, file: StateFile, good: unknown, cut = false): Promise<string> {
  let value: unknown;
  try {
    value = await file.load(folder);
  } catch (error) {
    if (!(error instanceof AwgError)) throw error;
    const isNamed = `${error.message} ${error.facts["path"]}`.includes(join(folder, file.name));
    if (!isNamed || error.remedy === undefined) expect.unreachable(`${error.message} names no file or no remedy`);
    return error.kind;
  }
  if (file.isLess?.(value, good, cut) === true) return "less";
  // Many thousand times: a matcher would take most of the time.
  if (!isDeepStrictEqual(value, good)) expect(value).toEqual(good);
  return "good";
}

/**
 * Cuts a file at every byte, and changes these bits of every byte, one at a time: what is read is whole, or an error that
 * names the file. Gives how often each outcome was seen.
 */
export async function damageEverywhere(
  folder: string,
  file: StateFile,
  bits: (at: number) => readonly number[],
  step = 1,
) {
  const path = join(folder, file.name);
  const bytes = readFileSync(path);
  const good = await file.load(folder);
  const seen: Record<string, number> = {};
  const look = async (damaged: Uint8Array, what: string): Promise<void> => {
    writeFileSync(path, damaged);
    const outcome = `${what}: ${await outcomeOf(folder, file, good, what === "cut")}`;
    seen[outcome] = (seen[outcome] ?? 0) + 1;
  };
  for (let at = 0; at < bytes.length; at += step) {
    await look(bytes.subarray(0, at), "cut");
    for (const bit of bits(at)) {
      const changed = Uint8Array.from(bytes);
      changed[at] = (changed[at] as number) ^ (1 << bit);
      await look(changed, "flip");
    }
  }
  writeFileSync(path, bytes);
  expect(await file.load(folder)).toEqual(good);
  return seen;
}

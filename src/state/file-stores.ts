import type { Generation } from "../reconciler/journal/generation.ts";
import { isGeneration } from "../reconciler/journal/record-shape.ts";
import type { DiskReserve, GenerationStore, LedgerStore, SecretKeeper, Stores } from "../reconciler/journal/stores.ts";
import { EMPTY_LEDGER, type Ledger } from "../reconciler/plan/ledger.ts";
import { isLedger } from "../reconciler/plan/spec-shape.ts";
import { damaged, envelopeFor, readEnvelope, type StateIdentity } from "./envelope.ts";
import { FileJournal } from "./file-journal.ts";
import { fileProposals } from "./file-proposals.ts";
import { decodeLines, encodeLine } from "./line.codec.ts";
import { StateFolder } from "./state-folder.ts";

/** How many accepted generations are kept, the current one included; their secrets are kept equally long. */
const KEPT_GENERATIONS = 50;
const GENERATION_NAME = /^generation-([1-9][0-9]{0,14})$/;

/** The stores of a real host: files in the state folder. Reading creates nothing (law 2). */
export function fileStores(folderPath: string, identity: StateIdentity, secrets?: SecretKeeper): Stores {
  const folder = new StateFolder(folderPath);
  return {
    journal: new FileJournal(folder, identity),
    ledger: fileLedger(folder, identity),
    generations: fileGenerations(folder, identity),
    proposals: fileProposals(folder),
    diskReserve: reserveOf(folder),
    ...(secrets === undefined ? {} : { secrets }),
  };
}

/** Loaded only by verbs that change the host. */
function reserveOf(folder: StateFolder): DiskReserve {
  const kept = async () => (await import("./disk-reserve.ts")).diskReserve(folder);
  return {
    refill: async () => (await kept()).refill(),
    releaseForJournal: async () => (await kept()).releaseForJournal(),
    release: async () => (await kept()).release(),
  };
}

function fileLedger(folder: StateFolder, identity: StateIdentity): LedgerStore {
  const reader = bodyReader(folder, isLedger);
  return {
    read: async () => (reader("ledger") as Ledger | undefined) ?? EMPTY_LEDGER,
    write: async (ledger) => writeBody(folder, "ledger", identity, ledger),
    isOfEarlierBoot: async () => {
      const bytes = folder.read("ledger");
      const first = bytes === undefined ? undefined : decodeLines(bytes).values[0];
      return first !== undefined && readEnvelope(first, folder.pathOf("ledger")).bootId !== identity.bootId;
    },
  };
}

function fileGenerations(folder: StateFolder, identity: StateIdentity): GenerationStore {
  const reader = bodyReader(folder, isGeneration);
  const read = (number: number): Generation | undefined => reader(`generation-${number}`) as Generation | undefined;
  const numbers = (): readonly number[] =>
    folder
      .list()
      .flatMap((name) => GENERATION_NAME.exec(name)?.[1] ?? [])
      .map(Number)
      .sort((a, b) => a - b);
  return {
    read: async (number) => read(number),
    numbers: async () => numbers(),
    latest: async () => {
      const last = numbers().at(-1);
      return last === undefined ? undefined : read(last);
    },
    write: async (generation) => {
      writeBody(folder, `generation-${generation.number}`, identity, generation);
      for (const old of numbers().slice(0, -KEPT_GENERATIONS)) folder.remove(`generation-${old}`);
    },
  };
}

function writeBody(folder: StateFolder, name: string, identity: StateIdentity, body: unknown): void {
  folder.replace(name, Buffer.concat([encodeLine(envelopeFor(identity)), encodeLine(body)]));
}

/**
 * Reads files of one kind and caches the last one: a reconcile reads the same file several times, and comparing its
 * bytes costs a hundredth of parsing it.
 */
function bodyReader(folder: StateFolder, isBody: (value: unknown) => boolean): (name: string) => unknown {
  let last: { readonly name: string; readonly bytes: Uint8Array; readonly body: unknown } | undefined;
  return (name) => {
    const bytes = folder.read(name);
    if (bytes === undefined) return undefined;
    if (last?.name === name && Buffer.compare(last.bytes, bytes) === 0) return last.body;
    const body = bodyOf(bytes, folder.pathOf(name), isBody);
    last = { name, bytes, body };
    return body;
  };
}

/** These files are replaced whole, so any defect means that another program wrote to it. */
function bodyOf(bytes: Uint8Array, path: string, isBody: (value: unknown) => boolean): unknown {
  const { values, defect } = decodeLines(bytes);
  if (defect !== undefined) throw damaged(path, `is corrupt at byte ${defect.offset}`);
  readEnvelope(values[0], path);
  const body = values[1];
  if (values.length !== 2 || !isBody(body)) throw damaged(path, "has content that awg does not write");
  return body;
}

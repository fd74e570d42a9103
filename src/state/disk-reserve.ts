import { closeSync, constants, fstatSync, ftruncateSync, lstatSync, openSync, renameSync } from "node:fs";
import { allocateBlocks } from "../native/linux/file-reserve.ffi.ts";
import type { DiskReserve } from "../reconciler/journal/stores.ts";
import { type StateFolder, syncFolder, writeWhole } from "./state-folder.ts";

const NAME = "room";
const JOURNAL = "journal";
/** An empty file with blocks allocated beyond its end. */
const FUTURE_JOURNAL = "room.journal";
/** A destroy writes its journal, a generation, a ledger, and the files that it restores. */
const LEAST_BYTES = 64 * 1024;
/** Measured: the journal of a destroy had 1.4 times the bytes of the ledger. */
const PER_LEDGER_BYTE = 4;
const LEAST_JOURNAL_BYTES = 32 * 1024;
const JOURNAL_PER_LEDGER_BYTE = 2;
/** The unit of st_blocks (stat(3type)). */
const BLOCK_BYTES = 512;

/**
 * Reserves disk space with a dummy file. It is not synced: after a power cut it may be shorter, and the next refill
 * extends it.
 */
export function diskReserve(folder: StateFolder): DiskReserve {
  const release = async () => {
    for (const name of [FUTURE_JOURNAL, NAME]) {
      // Best effort; the write that needs the space reports the error.
      trying(() => folder.remove(name));
    }
  };
  return {
    refill: async () => {
      const ledger = ledgerBytes(folder);
      // No reserve on a full disk, or on a file system that allocates no blocks in advance.
      trying(() => allocate(folder.pathOf(FUTURE_JOURNAL), LEAST_JOURNAL_BYTES + JOURNAL_PER_LEDGER_BYTE * ledger));
      trying(() => fillUp(folder.pathOf(NAME), LEAST_BYTES + PER_LEDGER_BYTE * ledger));
    },
    releaseForJournal: async () => {
      trying(() => becomeJournal(folder));
      await release();
    },
    release,
  };
}

function trying(change: () => void): void {
  try {
    change();
  } catch {
    // The reserve is best effort; the failing write itself reports the error.
  }
}

/** An empty journal counts as none, so a crash after this changes nothing. */
function becomeJournal(folder: StateFolder): void {
  const [from, to] = [FUTURE_JOURNAL, JOURNAL].map((name) => folder.pathOf(name)) as [string, string];
  if (lstatSync(to, { throwIfNoEntry: false }) !== undefined || folder.read(FUTURE_JOURNAL)?.length !== 0) return;
  renameSync(from, to);
  syncFolder(folder.path);
}

function allocate(path: string, wantedBytes: number): void {
  const fd = openSync(
    path,
    constants.O_WRONLY | constants.O_CREAT | constants.O_NOFOLLOW | constants.O_NONBLOCK,
    0o600,
  );
  try {
    if (fstatSync(fd).blocks * BLOCK_BYTES < wantedBytes) allocateBlocks(fd, wantedBytes);
  } finally {
    closeSync(fd);
  }
}

function ledgerBytes(folder: StateFolder): number {
  return lstatSync(folder.pathOf("ledger"), { throwIfNoEntry: false })?.size ?? 0;
}

function fillUp(path: string, wantedBytes: number): void {
  const { O_WRONLY, O_CREAT, O_APPEND, O_NOFOLLOW, O_NONBLOCK } = constants;
  const fd = openSync(path, O_WRONLY | O_CREAT | O_APPEND | O_NOFOLLOW | O_NONBLOCK, 0o600);
  try {
    const { size } = fstatSync(fd);
    try {
      if (size < wantedBytes) writeWhole(fd, incompressible(wantedBytes - size));
    } catch (error) {
      ftruncateSync(fd, size);
      throw error;
    }
  } finally {
    closeSync(fd);
  }
}

/** Random bytes: compressing file systems would reserve no space for others. */
function incompressible(length: number): Uint8Array {
  const words = new Uint32Array(Math.ceil(length / 4));
  for (let index = 0; index < words.length; index += 1) words[index] = Math.random() * 2 ** 32;
  return new Uint8Array(words.buffer, 0, length);
}

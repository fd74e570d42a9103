import { closeSync, constants, fstatSync, ftruncateSync, lstatSync, openSync } from "node:fs";
import type { RoomStore } from "../reconciler/apply/stores.ts";
import { type StateFolder, writeWhole } from "./state-folder.ts";

const NAME = "room";
/** A destroy writes its journal, a generation, a ledger, and beside them the files that it puts back. */
const LEAST_BYTES = 64 * 1024;
/** The journal of a destroy was seen to have 1.4 times the bytes of the ledger. */
const PER_LEDGER_BYTE = 4;

/**
 * Room as a file of bytes that nobody reads. It is not synced: after a power cut it may be shorter, and is filled up by the
 * next that keeps it.
 */
export function keptRoom(folder: StateFolder): RoomStore {
  return {
    keep: async () => {
      try {
        fillUp(folder.pathOf(NAME), LEAST_BYTES + PER_LEDGER_BYTE * ledgerBytes(folder));
      } catch {
        // A disk that is full already: then there is none.
      }
    },
    give: async () => {
      try {
        folder.remove(NAME);
      } catch {
        // A file system that takes no change: what needs the room tells.
      }
    },
  };
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

/** File systems that compress keep no room for anything else. */
function incompressible(length: number): Uint8Array {
  const words = new Uint32Array(Math.ceil(length / 4));
  for (let index = 0; index < words.length; index += 1) words[index] = Math.random() * 2 ** 32;
  return new Uint8Array(words.buffer, 0, length);
}

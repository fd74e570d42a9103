import type { Generation } from "../../src/reconciler/journal/generation.ts";
import type { JournalRecord } from "../../src/reconciler/journal/journal-record.ts";
import type { Stores } from "../../src/reconciler/journal/stores.ts";
import { EMPTY_LEDGER, type Ledger } from "../../src/reconciler/plan/ledger.ts";
import { Faults } from "./faults.ts";

/** What outlives a crash: the disk. Plain data, so that a test can copy and compare it. */
export interface MemoryDisk {
  journal: { record: JournalRecord; boot: number }[];
  ledger: Ledger;
  generations: Generation[];
  /** Number of the current boot; raise it for a reboot. */
  boot: number;
  /** Every write to the stores, in order. */
  log: string[];
}

/** An empty disk. */
export function memoryDisk(): MemoryDisk {
  return { journal: [], ledger: EMPTY_LEDGER, generations: [], boot: 1, log: [] };
}

/**
 * Stores in memory with the interfaces of the real ones. All data pass through JSON as
 * they are written, and are replaced, never changed in place. `faults` sees
 * every write, so that a test can fail or crash before or after each.
 */
export function memoryStores(disk: MemoryDisk = memoryDisk(), faults: Faults = new Faults()): Stores {
  const write = async (label: string, effect: () => void): Promise<void> => {
    await faults.write(label, () => {
      disk.log.push(label);
      effect();
    });
  };
  const read = <T>(value: T): T => {
    faults.alive("a read of the stores");
    return value;
  };
  return {
    journal: {
      location: "memory:journal",
      read: async () => read(disk.journal).map(({ record, boot }) => ({ record, sameBoot: boot === disk.boot })),
      append: (record) =>
        write(`journal ${record.type}`, () => {
          disk.journal.push({ record: JSON.parse(JSON.stringify(record)), boot: disk.boot });
        }),
      clear: () =>
        write("journal clear", () => {
          disk.journal = [];
        }),
    },
    ledger: {
      read: async () => read(disk.ledger),
      write: (ledger) =>
        write("ledger", () => {
          disk.ledger = JSON.parse(JSON.stringify(ledger));
        }),
    },
    generations: {
      latest: async () => read(disk.generations.at(-1)),
      read: async (number) => read(disk.generations.find((generation) => generation.number === number)),
      numbers: async () => read(disk.generations.map(({ number }) => number)),
      write: (generation) =>
        write("generation", () => {
          const others = disk.generations.filter(({ number }) => number !== generation.number);
          disk.generations = [...others, JSON.parse(JSON.stringify(generation))].sort((a, b) => a.number - b.number);
        }),
    },
  };
}

/** A clock that only counts: sleeping takes no time. */
export function countingClock(): { nowMs: () => number; sleep: (ms: number) => Promise<void>; sleptMs: number } {
  const clock = {
    sleptMs: 0,
    nowMs: () => 1_795_000_000_000 + clock.sleptMs,
    sleep: async (ms: number) => {
      clock.sleptMs += ms;
    },
  };
  return clock;
}

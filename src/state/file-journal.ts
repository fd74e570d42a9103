import { closeSync, fstatSync, fsyncSync, ftruncateSync } from "node:fs";
import { AwgError } from "../model/error.ts";
import { writeError } from "../model/write-error.ts";
import type { JournalRecord } from "../reconciler/journal/journal-record.ts";
import { isJournalRecord } from "../reconciler/journal/record-shape.ts";
import type { JournalStore, ReadRecord } from "../reconciler/journal/stores.ts";
import { damaged, type Envelope, envelopeFor, readEnvelope, type StateIdentity } from "./envelope.ts";
import { decodeLines, encodeLine } from "./line.codec.ts";
import { openForAppend, type StateFolder, writeWhole } from "./state-folder.ts";

const NAME = "journal";

/**
 * The journal as a file of lines: an envelope, then records, and another envelope after each reboot. The file exists
 * only while a transaction is open.
 */
export class FileJournal implements JournalStore, Disposable {
  readonly location: string;
  readonly #folder: StateFolder;
  readonly #identity: StateIdentity;
  #fd: number | undefined;
  #broken: unknown;

  constructor(folder: StateFolder, identity: StateIdentity) {
    this.#folder = folder;
    this.#identity = identity;
    this.location = folder.pathOf(NAME);
  }

  async read(): Promise<readonly ReadRecord[]> {
    return this.#decode(this.#folder.read(NAME) ?? new Uint8Array()).records;
  }

  async append(record: JournalRecord): Promise<void> {
    if (this.#broken !== undefined) throw this.#failure(this.#broken);
    this.#fd ??= this.#open();
    this.#write(this.#fd, encodeLine(record));
  }

  async clear(): Promise<void> {
    this[Symbol.dispose]();
    this.#folder.remove(NAME);
    this.#broken = undefined;
  }

  [Symbol.dispose](): void {
    if (this.#fd !== undefined) closeSync(this.#fd);
    this.#fd = undefined;
  }

  /** Opens it for writing, truncates what a crash left unfinished, and writes an envelope. */
  #open(): number {
    this.#folder.make();
    const { validBytes, envelope } = this.#decode(this.#folder.read(NAME) ?? new Uint8Array());
    let fd: number | undefined;
    try {
      fd = openForAppend(this.location).fd;
      if (fstatSync(fd).size > validBytes) {
        ftruncateSync(fd, validBytes);
        fsyncSync(fd);
      }
      if (envelope?.bootId !== this.#identity.bootId) this.#write(fd, encodeLine(envelopeFor(this.#identity)));
      return fd;
    } catch (cause) {
      if (fd !== undefined) closeSync(fd);
      throw cause instanceof AwgError ? cause : this.#failure(cause);
    }
  }

  /** Appends one line durably. On failure the file is truncated to its former length, or never written again. */
  #write(fd: number, line: Uint8Array): void {
    const { size } = fstatSync(fd);
    try {
      writeWhole(fd, line);
      fsyncSync(fd);
    } catch (cause) {
      try {
        ftruncateSync(fd, size);
        fsyncSync(fd);
      } catch (error) {
        this.#broken = error;
      }
      throw this.#failure(cause);
    }
  }

  #decode(bytes: Uint8Array): {
    readonly records: readonly ReadRecord[];
    readonly validBytes: number;
    readonly envelope: Envelope | undefined;
  } {
    const { values, validBytes, defect } = decodeLines(bytes);
    if (defect?.kind === "corrupt") throw damaged(this.location, `is corrupt at byte ${defect.offset}`);
    let envelope: Envelope | undefined;
    const records: ReadRecord[] = [];
    for (const value of values) {
      if (envelope === undefined || isEnvelope(value)) {
        envelope = readEnvelope(value, this.location);
        this.#refuseForeign(envelope);
      } else if (isJournalRecord(value)) {
        records.push({ record: value, sameBoot: envelope.bootId === this.#identity.bootId });
      } else {
        throw damaged(this.location, `holds a record (number ${records.length + 1}) that awg never writes`);
      }
    }
    return { records, validBytes, envelope };
  }

  /** Inode numbers of namespaces are valid within one boot only. */
  #refuseForeign({ bootId, namespace }: Envelope): void {
    if (bootId !== this.#identity.bootId || namespace === this.#identity.namespace) return;
    throw new AwgError("journal", `the journal ${this.location} belongs to another network namespace (${namespace})`, {
      facts: { path: this.location, state: "foreign" },
      remedy: "run awg in that namespace, or set another state folder; awg doctor lists other remedies",
    });
  }

  #failure(cause: unknown): AwgError {
    return writeError(`the journal ${this.location}`, cause);
  }
}

function isEnvelope(value: unknown): boolean {
  return typeof value === "object" && value !== null && "format" in value;
}

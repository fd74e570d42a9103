import { closeSync, fstatSync, fsyncSync } from "node:fs";
import { openForAppend, StateFolder, writeWhole } from "../state-folder.ts";

const NAME = "audit.jsonl";
/** A file of this size is renamed, and a new one begun. */
const FULL_BYTES = 1024 * 1024;
/** Files that are kept beside the one in use: audit.jsonl.1 is the latest. */
const KEPT = 3;

/** Who asked for a change, as the kernel and sudo say. */
export interface Asker {
  /** `cli`: a command line. `api`: a client of awg api. `daemon`: the daemon by itself. */
  readonly door: "cli" | "api" | "daemon";
  readonly uid: number;
  /** The user behind sudo. */
  readonly sudoUser?: string;
  /** Of a client of the API. */
  readonly role?: string;
}

/** One change of the host, or an attempt. Holds no secret. */
export interface AuditEntry extends Asker {
  /** ISO 8601, by the wall clock. */
  readonly at: string;
  /** apply, repair, rollback, down, up, pause, destroy, confirm, revert. */
  readonly request: string;
  /** on-trial: it is reverted unless it is confirmed. */
  readonly result: "applied" | "unchanged" | "on-trial" | "confirmed" | "reverted" | "failed";
  /** The generation that holds afterwards; of a failure, null. */
  readonly generation: number | null;
  /** Of the config; null where none is behind it. */
  readonly configHash: string | null;
  /** Why it failed. */
  readonly error?: string;
}

/** Adds an entry, durably. Only whoever changes the host may call it: it relies on the lock of all writers. */
export function appendAudit(folderPath: string, entry: AuditEntry, fullBytes = FULL_BYTES): void {
  const folder = new StateFolder(folderPath);
  folder.make();
  const path = folder.pathOf(NAME);
  const { fd } = openForAppend(path);
  let size: number;
  try {
    writeWhole(fd, new TextEncoder().encode(`${JSON.stringify(entry)}\n`));
    fsyncSync(fd);
    size = fstatSync(fd).size;
  } finally {
    closeSync(fd);
  }
  if (size >= fullBytes) folder.rotate(NAME, KEPT);
}

/** The entries that are kept, oldest first. A line that cannot be read is left out. */
export function readAudit(folderPath: string): readonly AuditEntry[] {
  const folder = new StateFolder(folderPath);
  const names = [...Array.from({ length: KEPT }, (_, index) => `${NAME}.${KEPT - index}`), NAME];
  return names.flatMap((name) => {
    const bytes = folder.read(name);
    return bytes === undefined ? [] : new TextDecoder().decode(bytes).split("\n").flatMap(parseEntry);
  });
}

function parseEntry(line: string): readonly AuditEntry[] {
  try {
    return line === "" ? [] : [JSON.parse(line) as AuditEntry];
  } catch {
    return [];
  }
}

/** Who runs this process. Pure but for the uid. */
export function askerOf(environment: NodeJS.ProcessEnv, isDaemon: boolean): Asker {
  const uid = process.getuid?.() ?? 0;
  if (isDaemon) return { door: "daemon", uid };
  const client = /^([0-9]{1,10}) ([a-z]{1,16})$/.exec(environment["AWG_CALLER"] ?? "");
  if (client !== null) return { door: "api", uid: Number(client[1]), role: client[2] ?? "" };
  const { SUDO_USER: sudoUser } = environment;
  return { door: "cli", uid, ...(uid !== 0 || sudoUser === undefined || sudoUser === "" ? {} : { sudoUser }) };
}

/** The audit log in a state folder, for the changes that this process makes. */
export function auditIn(
  folderPath: string,
  environment: NodeJS.ProcessEnv,
  isDaemon: boolean,
): { readonly audit: (entry: Omit<AuditEntry, keyof Asker>) => void } {
  const asker = askerOf(environment, isDaemon);
  return { audit: (entry) => appendAudit(folderPath, { ...entry, ...asker }) };
}

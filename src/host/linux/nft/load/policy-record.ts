import {
  closeSync,
  fstatSync,
  mkdirSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { canonicalJson } from "../../../../model/canonical.ts";
import type { FirewallPolicy } from "../../../../model/firewall/policy.ts";
import { sha256Hex } from "../../../../model/sha256.ts";
import { writeError } from "../../../../model/write-error.ts";

const POLICY_FILE = /^policy-[0-9a-f]{64}\.json$/;
const LOADED_FILE = "firewall-loaded.json";
/** Drafts of a process that died while it wrote one of these files. */
const DRAFT = /^(policy-[0-9a-f]{64}|firewall-loaded)\.json\.[0-9]+$/;
/** Reserved space, released if the run folder's disk is full: it is memory that every program of the host can fill. */
const ROOM_FILE = "room";
const LEAST_ROOM_BYTES = 32 * 1024;
/** A policy is written while the former one is kept. */
const ROOM_PER_POLICY_BYTE = 2;
const ROOM_CHUNK = Buffer.alloc(4096);
const FULL: ReadonlySet<unknown> = new Set(["ENOSPC", "EDQUOT"]);

/**
 * The version of the rendered rules: another number for every change of them. A ruleset that was loaded with another number is
 * read and compared even if it is unchanged, because another version of awg may have loaded it.
 */
export const RENDERING = 23;

/** The record of the last load, by which a reading trusts an unchanged ruleset without reading it all. */
export interface LoadedMark {
  readonly identity: string;
  /** Generation of the nf_tables ruleset when the tables were read back as rendered. */
  readonly generation: number;
  /** The socket that owned the tables. */
  readonly owner?: number;
  /** Its uplinks (S6.8); absent from earlier versions. */
  readonly uplinks?: readonly string[];
  /** RENDERING of the awg that loaded the tables; absent from earlier versions. */
  readonly rendering?: number;
}

/**
 * The policy of the loaded rules, by its hash. The ruleset itself cannot store it. It is in the run folder, which is lost at
 * reboot like the ruleset. A file that does not hash to its name counts as absent.
 */
export class PolicyRecord {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * Writes the policy unless it is recorded, and returns its name: 64 hex digits of SHA-256 over its canonical JSON.
   *
   * @throws AwgError("host") if the disk is full and the reserved space is used up
   */
  keep(policy: FirewallPolicy): string {
    const text = canonicalJson(policy);
    const identity = sha256Hex(text);
    if (this.#read(`policy-${identity}.json`) !== text) this.#write(`policy-${identity}.json`, text);
    return identity;
  }

  /** The policy of that name; undefined if the file is missing or was changed. */
  find(identity: string): FirewallPolicy | undefined {
    const text = this.#read(`policy-${identity}.json`);
    return text === undefined || sha256Hex(text) !== identity ? undefined : (JSON.parse(text) as FirewallPolicy);
  }

  /**
   * Notes that the ruleset was found as rendered, drops the policies that are no longer loaded, and keeps room for the next.
   * All of it helps the next, and none of it fails a load: where no mark can be written there is none, and a read reads all.
   */
  markLoaded(mark: LoadedMark): void {
    const loaded = `policy-${mark.identity}.json`;
    if (!succeeds(() => this.#write(LOADED_FILE, JSON.stringify(mark))))
      succeeds(() => this.#removeAll((name) => name === LOADED_FILE));
    succeeds(() => this.#removeAll((name) => POLICY_FILE.test(name) && name !== loaded));
    const roomBytes = Math.max(LEAST_ROOM_BYTES, ROOM_PER_POLICY_BYTE * (this.#read(loaded)?.length ?? 0));
    succeeds(() => fillUp(join(this.#folder, ROOM_FILE), roomBytes));
  }

  /** What the last load noted. */
  loaded(): LoadedMark | undefined {
    const text = this.#read(LOADED_FILE);
    if (text === undefined) return undefined;
    try {
      const { identity, generation, owner, uplinks, rendering } = JSON.parse(text) as Partial<LoadedMark>;
      if (typeof identity !== "string" || typeof generation !== "number") return undefined;
      return {
        identity,
        generation,
        ...(typeof owner === "number" ? { owner } : {}),
        ...(Array.isArray(uplinks) ? { uplinks } : {}),
        ...(typeof rendering === "number" ? { rendering } : {}),
      };
    } catch {
      return undefined;
    }
  }

  /** Deletes awg's files in the folder. */
  forget(): void {
    this.#removeAll((name) => [LOADED_FILE, ROOM_FILE].includes(name) || POLICY_FILE.test(name) || DRAFT.test(name));
  }

  #write(name: string, text: string): void {
    const path = join(this.#folder, name);
    try {
      mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
      if (fits(() => replaceFile(path, text))) return;
      rmSync(join(this.#folder, ROOM_FILE), { force: true });
      replaceFile(path, text);
    } catch (cause) {
      throw writeError(path, cause);
    }
  }

  #read(name: string): string | undefined {
    try {
      return readFileSync(join(this.#folder, name), "utf8");
    } catch {
      return undefined;
    }
  }

  #removeAll(isOurs: (name: string) => boolean): void {
    let names: string[];
    try {
      names = readdirSync(this.#folder);
    } catch {
      return;
    }
    for (const name of names.filter(isOurs)) rmSync(join(this.#folder, name), { force: true });
  }
}

/** Replaces a file; afterwards it is the old or the new one, without a draft. */
function replaceFile(path: string, text: string): void {
  const draft = `${path}.${process.pid}`;
  try {
    writeFileSync(draft, text, { mode: 0o600 });
    renameSync(draft, path);
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
}

/** Fills a file up to the wanted size, as far as the disk has space. */
function fillUp(path: string, wantedBytes: number): void {
  const fd = openSync(path, "a", 0o600);
  try {
    for (let size = fstatSync(fd).size; size < wantedBytes; ) size += writeSync(fd, ROOM_CHUNK);
  } finally {
    closeSync(fd);
  }
}

/** Writes, and returns false if the disk is full. Throws other errors. */
function fits(write: () => void): boolean {
  try {
    write();
    return true;
  } catch (error) {
    if (FULL.has((error as NodeJS.ErrnoException).code)) return false;
    throw error;
  }
}

function succeeds(change: () => void): boolean {
  try {
    change();
    return true;
  } catch {
    return false;
  }
}

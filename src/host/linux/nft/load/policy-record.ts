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
/** What a process that died while it wrote one of them left. */
const DRAFT = /^(policy-[0-9a-f]{64}|firewall-loaded)\.json\.[0-9]+$/;
/** Bytes that nobody reads, given up where the disk is full: the run folder's is memory that all of a machine's programs fill. */
const ROOM_FILE = "room";
const LEAST_ROOM_BYTES = 32 * 1024;
/** One is written while the one before it is kept. */
const ROOM_PER_POLICY_BYTE = 2;
const ROOM_CHUNK = Buffer.alloc(4096);
const FULL: ReadonlySet<unknown> = new Set(["ENOSPC", "EDQUOT"]);

/**
 * Which rules this awg makes of a policy: another number for every change of what is rendered. A ruleset that was loaded
 * under another number is read and compared, however untouched it is: it may be that of an earlier version.
 */
export const RENDERING = 12;

/** What the last load left behind, so that a read can trust an untouched ruleset without reading it all. */
export interface LoadedMark {
  readonly identity: string;
  /** Generation of the nf_tables ruleset in which the tables were found as rendered. */
  readonly generation: number;
  /** The socket that owned the tables. */
  readonly owner?: number;
  /** The uplinks that it knows (docs/security.md S6.8); versions before asked for none. */
  readonly uplinks?: readonly string[];
  /** RENDERING of the awg that loaded them; versions before had none. */
  readonly rendering?: number;
}

/**
 * What the ruleset itself cannot hold: the policy it was rendered from, by its hash. Lives in the run folder, which goes
 * with the ruleset at reboot. A file that does not hash to its name counts as absent.
 */
export class PolicyRecord {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /**
   * Writes the policy down, where it is not yet, and gives its name: 64 hex digits of SHA-256 over its canonical JSON.
   *
   * @throws AwgError("host") where the disk is full and the room that was kept is used up
   */
  keep(policy: FirewallPolicy): string {
    const text = canonicalJson(policy);
    const identity = sha256Hex(text);
    if (this.#read(`policy-${identity}.json`) !== text) this.#write(`policy-${identity}.json`, text);
    return identity;
  }

  /** The policy of that name; undefined when nobody wrote it down or somebody changed it. */
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

  /** Removes all that stands in the folder by our names. */
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

/** What is there afterwards is the old or the new file; a draft never stays. */
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

/** As much of it as there is room for. */
function fillUp(path: string, wantedBytes: number): void {
  const fd = openSync(path, "a", 0o600);
  try {
    for (let size = fstatSync(fd).size; size < wantedBytes; ) size += writeSync(fd, ROOM_CHUNK);
  } finally {
    closeSync(fd);
  }
}

/** Writes something, unless the disk is full for it. Throws what else goes wrong. */
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

import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { canonicalJson } from "../../../model/canonical.ts";
import type { FirewallPolicy } from "../../../model/firewall/policy.ts";
import { sha256Hex } from "../../../model/sha256.ts";

const POLICY_FILE = /^policy-[0-9a-f]{64}\.json$/;
const LOADED_FILE = "firewall-loaded.json";

/**
 * Which rules this awg makes of a policy: another number for every change of what is rendered. A ruleset that was loaded
 * under another number is read and compared, however untouched it is: it may be that of an earlier version.
 */
export const RENDERING = 7;

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

  /** Writes the policy down and gives its name: 64 hex digits of SHA-256 over its canonical JSON. */
  keep(policy: FirewallPolicy): string {
    const text = canonicalJson(policy);
    const identity = sha256Hex(text);
    this.#write(`policy-${identity}.json`, text);
    return identity;
  }

  /** The policy of that name; undefined when nobody wrote it down or somebody changed it. */
  find(identity: string): FirewallPolicy | undefined {
    const text = this.#read(`policy-${identity}.json`);
    return text === undefined || sha256Hex(text) !== identity ? undefined : (JSON.parse(text) as FirewallPolicy);
  }

  /** Notes that the ruleset was found as rendered, and drops the policies that are no longer loaded. */
  markLoaded(mark: LoadedMark): void {
    this.#write(LOADED_FILE, JSON.stringify(mark));
    this.#removeAll((name) => POLICY_FILE.test(name) && name !== `policy-${mark.identity}.json`);
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
    this.#removeAll((name) => POLICY_FILE.test(name) || name === LOADED_FILE);
  }

  #write(name: string, text: string): void {
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    const path = join(this.#folder, name);
    const temporary = `${path}.${process.pid}`;
    writeFileSync(temporary, text, { mode: 0o600 });
    renameSync(temporary, path);
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

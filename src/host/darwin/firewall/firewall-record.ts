import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { canonicalJson } from "../../../model/canonical.ts";
import type { FirewallPolicy } from "../../../model/firewall/policy.ts";
import { policyIdentity } from "../pf/render-pf.ts";

const POLICY_FILE = /^policy-[0-9a-f]{52}\.json$/;
const HOLD_FILE = "pf-reference.json";

/** The process with a reference that keeps PF enabled; without a token it was about to take one. */
export interface PfHold {
  readonly pid: number;
  readonly token?: bigint;
}

/**
 * State that PF cannot store: the policy of its rules, by the name in their first label, and the reference that keeps PF
 * enabled. It is in the run folder, which is removed at reboot like PF's rules and references. A file that does not match its
 * name counts as absent.
 */
export class FirewallRecord {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Writes the policy and returns its name. */
  keep(policy: FirewallPolicy): string {
    const identity = policyIdentity(policy);
    this.#write(`policy-${identity}.json`, canonicalJson(policy));
    return identity;
  }

  /** The policy of that name; undefined if the file is missing or was changed. */
  find(identity: string): FirewallPolicy | undefined {
    const policy = this.#read(`policy-${identity}.json`) as FirewallPolicy | undefined;
    return policy === undefined || policyIdentity(policy) !== identity ? undefined : policy;
  }

  /** Deletes the policies that are no longer loaded. */
  keepOnly(identity: string | undefined): void {
    for (const name of this.#names()) {
      if (POLICY_FILE.test(name) && name !== `policy-${identity}.json`)
        rmSync(join(this.#folder, name), { force: true });
    }
  }

  /** The noted reference; undefined if there is none, or its file is damaged. */
  hold(): PfHold | undefined {
    const { pid, token } = (this.#read(HOLD_FILE) ?? {}) as Readonly<Record<string, unknown>>;
    if (typeof pid !== "number" || !Number.isInteger(pid)) return undefined;
    return typeof token === "string" && /^\d+$/.test(token) ? { pid, token: BigInt(token) } : { pid };
  }

  /** Notes the reference that keeps PF enabled; undefined removes it. */
  noteHold(hold: PfHold | undefined): void {
    if (hold === undefined) rmSync(join(this.#folder, HOLD_FILE), { force: true });
    else this.#write(HOLD_FILE, JSON.stringify({ pid: hold.pid, token: hold.token?.toString() }));
  }

  #write(name: string, text: string): void {
    mkdirSync(this.#folder, { recursive: true, mode: 0o700 });
    const path = join(this.#folder, name);
    const temporary = `${path}.${process.pid}`;
    writeFileSync(temporary, text, { mode: 0o600 });
    renameSync(temporary, path);
  }

  #read(name: string): object | undefined {
    try {
      const value: unknown = JSON.parse(readFileSync(join(this.#folder, name), "utf8"));
      return typeof value === "object" && value !== null ? value : undefined;
    } catch {
      return undefined;
    }
  }

  #names(): string[] {
    try {
      return readdirSync(this.#folder);
    } catch {
      return [];
    }
  }
}

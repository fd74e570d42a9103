import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { canonicalJson } from "../../../model/canonical.ts";
import type { FirewallPolicy } from "../../../model/firewall/policy.ts";
import { policyIdentity } from "../pf/render-pf.ts";

const POLICY_FILE = /^policy-[0-9a-f]{52}\.json$/;
const HOLD_FILE = "pf-reference.json";

/** Who took a reference that keeps PF enabled; without a token it was about to be taken. */
export interface PfHold {
  readonly pid: number;
  readonly token?: bigint;
}

/**
 * What PF itself cannot hold: the policy that its rules were rendered from, by the name in their first label, and whose
 * reference keeps PF enabled. Lives in the run folder, which goes at reboot as PF's rules and references do. A file that
 * is not what its name says counts as absent.
 */
export class FirewallRecord {
  readonly #folder: string;

  constructor(folder: string) {
    this.#folder = folder;
  }

  /** Writes the policy down and gives its name. */
  keep(policy: FirewallPolicy): string {
    const identity = policyIdentity(policy);
    this.#write(`policy-${identity}.json`, canonicalJson(policy));
    return identity;
  }

  /** The policy of that name; undefined when nobody wrote it down or somebody changed it. */
  find(identity: string): FirewallPolicy | undefined {
    const policy = this.#read(`policy-${identity}.json`) as FirewallPolicy | undefined;
    return policy === undefined || policyIdentity(policy) !== identity ? undefined : policy;
  }

  /** Drops the policies that are no longer loaded. */
  keepOnly(identity: string | undefined): void {
    for (const name of this.#names()) {
      if (POLICY_FILE.test(name) && name !== `policy-${identity}.json`)
        rmSync(join(this.#folder, name), { force: true });
    }
  }

  hold(): PfHold | undefined {
    const { pid, token } = (this.#read(HOLD_FILE) ?? {}) as Readonly<Record<string, unknown>>;
    if (typeof pid !== "number" || !Number.isInteger(pid)) return undefined;
    return typeof token === "string" && /^\d+$/.test(token) ? { pid, token: BigInt(token) } : { pid };
  }

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

import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PolicyRecord } from "../../../../../src/host/linux/nft/load/policy-record.ts";
import type { FirewallPolicy } from "../../../../../src/model/firewall/policy.ts";

// Loads policies in turn with FOLDER's small file system filled to its last byte behind each step; prints what was seen.
const [folder = ""] = process.argv.slice(2);
const record = new PolicyRecord(join(folder, "record"));
let ballasts = 0;

function fill(): void {
  for (const bytes of [4096, 1]) {
    try {
      for (;;) {
        ballasts += 1;
        writeFileSync(join(folder, `ballast-${ballasts}`), Buffer.alloc(bytes));
      }
    } catch {
      // Full.
    }
  }
}

function policy(number: number): FirewallPolicy {
  return { steering: { rules: [], default: { kind: "tunnel", device: `tunnel${number}`, number } }, layers: [] };
}

/** What a load does with the record; the disk fills up behind it, and in its middle where that is asked for. */
function load(number: number, isFilledMeanwhile = false): string {
  const identity = record.keep(policy(number));
  if (isFilledMeanwhile) fill();
  record.markLoaded({ identity, generation: number });
  fill();
  return identity;
}

const first = load(1);
const second = load(2, true);
const again = load(1);
const isFound = record.find(again) !== undefined && record.find(second) === undefined;
let refusal = "";
try {
  for (let number = 3; ; number += 1) {
    record.keep(policy(number));
    fill();
  }
} catch (error) {
  refusal = `${(error as Error).message}; ${(error as { remedy?: string }).remedy}`;
}
const restored = record.keep(policy(1));
record.markLoaded({ identity: restored, generation: 7 });
const mark = record.loaded() ?? null;
const drafts = readdirSync(join(folder, "record")).filter((name) => /\.\d+$/.test(name));
record.forget();
const left = readdirSync(join(folder, "record"));
const isSame = first === again && first === restored;
process.stdout.write(JSON.stringify({ isSame, isFound, refusal, mark, drafts, left }));

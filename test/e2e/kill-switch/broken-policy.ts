import { expect } from "vitest";
import { type Finished, run, tryRun } from "../../lab/world/command.ts";
import type { World } from "../../lab/world/world.ts";
import type { AwgInWorld } from "../awg-in-world.ts";
import type { Breakage, PlantedRule } from "./breakages.ts";

/** How much processor time one `awg verify` may take, all its processes together: it is to answer within a second. */
export const MOST_PROCESSOR_MS = 1_000;

/** Runs the words, then says what their processes used (POSIX `times`: own and children's, user and system). */
const TIMED = '"$@"; status=$?; times >&2; exit $status';

/**
 * Holds what was found against the breakage: what it must say, and of which kinds all findings are. What is open still
 * from another breakage is left out.
 */
export function expectFound({ name, finds, kinds }: Breakage, said: Said): void {
  const isAsked = (kind: string) => kind !== "open-flow" || kinds.includes(kind);
  expect.soft(said.findings.join("\n"), name).toMatch(finds);
  expect.soft(said.kinds.filter(isAsked), name).toEqual(kinds);
  expect.soft(said.status, name).toBe(6);
  expect.soft(said.processorMs, name).toBeLessThan(MOST_PROCESSOR_MS);
}

/** What `awg verify` said, and how long the whole command took. */
export interface Said extends Finished {
  /** Each finding as JSON. */
  readonly findings: readonly string[];
  /** What kinds of findings there are, in order. */
  readonly kinds: readonly string[];
  /** Processor time of all its processes. Unlike the time it took, it does not grow with what else the machine does. */
  readonly processorMs: number;
  readonly tookMs: number;
  /** How long `node -e 0` took right before, which tells what the machine was worth then. */
  readonly nodeMs: number;
}

/** Verifies; what takes too much is asked twice more, and counts by the least: a machine at its limit counts too much. */
export async function verify(awg: AwgInWorld): Promise<Said> {
  const said = await verifyOnce(awg);
  for (let more = 2; more > 0 && said.processorMs >= MOST_PROCESSOR_MS; more -= 1) {
    const again = await verifyOnce(awg);
    if (again.processorMs < MOST_PROCESSOR_MS) return again;
  }
  return said;
}

async function verifyOnce(awg: AwgInWorld): Promise<Said> {
  const beginMs = performance.now();
  await run([process.execPath, "-e", "0"]);
  const startMs = performance.now();
  const done = await tryRun(["sh", "-c", TIMED, "sh", ...awg.argv("verify", "--json")]);
  const tookMs = performance.now() - startMs;
  const { findings } = JSON.parse(done.stdout) as { findings?: readonly { readonly kind: string }[] };
  if (findings === undefined) throw new Error(`awg verify ended with ${done.status}: ${done.stdout}${done.stderr}`);
  return {
    ...done,
    findings: findings.map((finding) => JSON.stringify(finding)),
    kinds: [...new Set(findings.map(({ kind }) => kind))].toSorted(),
    processorMs: processorMsOf(done.stderr),
    tookMs,
    nodeMs: startMs - beginMs,
  };
}

/** The sum of the four times of `times`, each written as 0m1.250000s. */
function processorMsOf(text: string): number {
  const times = [...text.matchAll(/(\d+)m([\d.]+)s/g)].slice(-4);
  if (times.length !== 4) throw new Error(`the shell did not tell the processor time: ${text}`);
  return times.reduce((sum, [, minutes, seconds]) => sum + Number(minutes) * 60_000 + Number(seconds) * 1_000, 0);
}

/** Puts rules into awg's tables in one transaction; gives what takes them out again. Nobody may own the tables. */
export async function plant(world: World, rules: readonly PlantedRule[]): Promise<() => Promise<void>> {
  const nft = (input: string) => world.inside("client", ["nft", "--echo", "--handle", "--file", "-"], input);
  const lines = rules.map(({ chain, rule }) => `insert rule ${chain} ${rule}`);
  const echoed = await nft(lines.join("\n"));
  const handles = [...echoed.matchAll(/^(?:insert|add) rule (\S+ awg \S+) .*# handle (\d+)$/gm)];
  if (handles.length !== rules.length) throw new Error(`nft echoed ${handles.length} of ${rules.length}: ${echoed}`);
  const away = handles.map(([, chain, handle]) => `delete rule ${chain} handle ${handle}`).join("\n");
  return async () => void (await nft(away));
}

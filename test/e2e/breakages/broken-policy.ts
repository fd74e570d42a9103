import { type Finished, run } from "../../lab/world/command.ts";
import type { World } from "../../lab/world/world.ts";
import type { AwgInWorld } from "../awg-in-world.ts";
import type { PlantedRule } from "./breakages.ts";

/** What `awg verify` said, and how long the whole command took. */
export interface Said extends Finished {
  /** Each finding as JSON. */
  readonly findings: readonly string[];
  readonly tookMs: number;
  /** How long `node -e 0` took right before, which tells what the machine was worth then. */
  readonly nodeMs: number;
}

export async function verify(awg: AwgInWorld): Promise<Said> {
  const beginMs = performance.now();
  await run([process.execPath, "-e", "0"]);
  const startMs = performance.now();
  const done = await awg.run("verify", "--json");
  const tookMs = performance.now() - startMs;
  const { findings } = JSON.parse(done.stdout) as { findings?: readonly object[] };
  if (findings === undefined) throw new Error(`awg verify ended with ${done.status}: ${done.stdout}${done.stderr}`);
  return { ...done, findings: findings.map((finding) => JSON.stringify(finding)), tookMs, nodeMs: startMs - beginMs };
}

/** Puts rules into awg's tables in one transaction; gives what takes them out again. Nobody may own the tables. */
export async function plant(world: World, rules: readonly PlantedRule[]): Promise<() => Promise<void>> {
  const nft = (input: string) => world.inside("client", ["nft", "--echo", "--handle", "--file", "-"], input);
  const lines = rules.map(({ chain, rule, last }) => `${last === true ? "add" : "insert"} rule ${chain} ${rule}`);
  const echoed = await nft(lines.join("\n"));
  const handles = [...echoed.matchAll(/^(?:insert|add) rule (\S+ awg \S+) .*# handle (\d+)$/gm)];
  if (handles.length !== rules.length) throw new Error(`nft echoed ${handles.length} of ${rules.length}: ${echoed}`);
  const away = handles.map(([, chain, handle]) => `delete rule ${chain} handle ${handle}`).join("\n");
  return async () => void (await nft(away));
}

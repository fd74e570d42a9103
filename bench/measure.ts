import { spawnSync } from "node:child_process";

/** One figure against a named peer of the same run, and what is demanded of their ratio. */
export interface Figure {
  readonly name: string;
  readonly unit: string;
  readonly ours: number;
  readonly peer: { readonly name: string; readonly value: number };
  /** ours / peer must be at most this. */
  readonly atMost: number;
}

export interface Usage {
  readonly wallMs: number;
  /** User and system time of the process and its children. */
  readonly cpuMs: number;
}

/** Runs two commands in turn, so that both meet the same noise, and gives each one's median. */
export function compareCommands(
  ours: readonly string[],
  peer: readonly string[],
  runs: number,
): { readonly ours: Usage; readonly peer: Usage } {
  const a: Usage[] = [];
  const b: Usage[] = [];
  for (let run = 0; run < runs; run += 1) {
    a.push(usageOf(ours));
    b.push(usageOf(peer));
  }
  return { ours: medianUsage(a), peer: medianUsage(b) };
}

/** Time of one command, by bash's `time`; stdout and stderr are dropped. */
function usageOf(argv: readonly string[]): Usage {
  const script = 'TIMEFORMAT="%R %U %S"; time "$@" >/dev/null 2>/dev/null';
  const { stderr } = spawnSync("bash", ["-c", script, "bash", ...argv], { encoding: "utf8" });
  const [real = 0, user = 0, system = 0] = stderr
    .trim()
    .split(/\s+/)
    .map((text) => Number(text) * 1000);
  return { wallMs: real, cpuMs: user + system };
}

function medianUsage(usages: readonly Usage[]): Usage {
  return { wallMs: median(usages.map(({ wallMs }) => wallMs)), cpuMs: median(usages.map(({ cpuMs }) => cpuMs)) };
}

/** The middle value. */
export function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.floor(sorted.length / 2)] ?? Number.NaN;
}

/** Median time of calls of a function in milliseconds, after one call that is not counted. */
export function medianMs(runs: number, call: () => unknown): number {
  call();
  const times = Array.from({ length: runs }, () => {
    const start = performance.now();
    call();
    return performance.now() - start;
  });
  return median(times);
}

/** One line a figure: value, peer, ratio, demand. */
export function renderFigure({ name, unit, ours, peer, atMost }: Figure): string {
  const ratio = ours / peer.value;
  const verdict = ratio <= atMost ? "ok" : "MISSED";
  return `${verdict.padEnd(7)} ${name}: ${ours.toFixed(1)} ${unit}, ${peer.name}: ${peer.value.toFixed(1)} ${unit}, ratio ${ratio.toFixed(3)} (demand ≤ ${atMost})`;
}

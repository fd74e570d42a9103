import { type Figure, median } from "./measure.ts";
import { installAwg, must, writePrivate } from "./program.ts";

const ENTRIES = 50_000;
const RUNS = 3;

/** A rule with a list of 50,000 prefixes and 50,000 domains: plan, first apply and plan without a change, against `nft -f`. */
export async function benchLists(): Promise<readonly Figure[]> {
  const awg = installAwg();
  const numbers = Array.from({ length: ENTRIES }, (_, index) => index);
  const prefixes = numbers.map((n) => `11.${n >> 8}.${n & 255}.0/25`);
  const list = writePrivate("list.txt", [...prefixes, ...numbers.map((n) => `host${n}.example`)].join("\n"));
  const config = writePrivate("config.yaml", configText(list));
  const ruleset = writePrivate("ruleset.nft", rulesetOf(prefixes));
  const times: Record<"plan" | "apply" | "again" | "nft", number[]> = { plan: [], apply: [], again: [], nft: [] };
  for (let run = 0; run < RUNS; run += 1) {
    times.plan.push(timeMs(() => must([awg, "plan", "-f", config])));
    times.apply.push(timeMs(() => must([awg, "apply", "-f", config, "--auto-approve"])));
    times.again.push(timeMs(() => must([awg, "plan", "-f", config])));
    must([awg, "destroy", "--auto-approve"]);
    times.nft.push(timeMs(() => must(["nft", "-f", ruleset])));
    must(["nft", "delete", "table", "inet", "peer"]);
  }
  const peer = { name: "nft -f of the prefixes", value: median(times.nft) };
  const of = `${ENTRIES} prefixes and ${ENTRIES} domains`;
  return [
    { name: `plan of a list of ${of}`, unit: "ms", ours: median(times.plan), peer, atMost: 3 },
    {
      name: `first apply of it, with the start of the keeper`,
      unit: "ms",
      ours: median(times.apply),
      peer,
      atMost: 30,
    },
    { name: `plan without a change`, unit: "ms", ours: median(times.again), peer, atMost: 3 },
  ];
}

function timeMs(call: () => unknown): number {
  const start = performance.now();
  call();
  return performance.now() - start;
}

function rulesetOf(prefixes: readonly string[]): string {
  return `table inet peer {
  set listed { type ipv4_addr; flags interval; elements = { ${prefixes.join(", ")} } }
  chain c { type filter hook output priority 0; ip daddr @listed counter; }
}
`;
}

function configText(list: string): string {
  return `apiVersion: awg/v1
name: bench
rules: [{ destinations: [{ list: ${list} }], via: block }]
default: { via: direct }
killSwitch: { enabled: true }
dns: { servers: [192.0.2.53], via: direct }
`;
}

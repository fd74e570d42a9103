import { NFT_BOOT_TABLE, NFT_TABLE } from "../../model/ownership.ts";
import type { ExplainedSide, Explanation } from "./explanation.ts";

/** Where the two sides of an explanation differ. */
export interface Differences {
  readonly disagreements: readonly string[];
  /** What changes nothing for the packet, because both sides drop it: at most one note. */
  readonly notes: readonly string[];
}

/**
 * Compares what is shown of both sides. What a packet goes by counts even where it leads to the same device: another rule or
 * route may lead elsewhere as soon as that device is gone. Nothing follows a mark or a route of what is dropped. Pure.
 */
export function differencesOf(
  declared: ExplainedSide,
  live: ExplainedSide,
  system: Explanation["system"],
): Differences {
  const differ = (what: string, a: string, b: string) =>
    a === b ? [] : [`${what}: declared ${a}, the kernel has ${b}`];
  const onLinux = [
    ...differ("mark", hex(declared.mark), hex(live.mark)),
    ...differ("policy rule", declared.policyRule ?? NONE, live.policyRule ?? NONE),
  ];
  const led = [
    ...(system === "linux" ? onLinux : []),
    ...differ("route", declared.route ?? NONE, live.route ?? NONE),
    ...differ("device", goes(declared), goes(live)),
  ];
  const isDropped = declared.verdict === "drop" && live.verdict === "drop";
  const [path, verdict] = [differ("path", declared.path, live.path), differ("verdict", declared.verdict, live.verdict)];
  const chain = declared.verdict === "accept" && live.verdict === "drop" ? foreignDrop(live) : undefined;
  if (chain !== undefined) {
    const dropped = `verdict: declared accept, the kernel has drop, by ${chain}`;
    return { disagreements: [[dropped, ...path, ...led].join("; ")], notes: [] };
  }
  if (!isDropped) return { disagreements: [...path, ...led, ...verdict], notes: [] };
  return { disagreements: path, notes: led.length === 0 ? [] : [`dropped either way, but ${led.join("; ")}`] };
}

/** The chain of another program that drops it. Later values (mark, path, device) are missing because of that. */
function foreignDrop({ verdictBy }: ExplainedSide): string | undefined {
  const last = verdictBy.at(-1);
  const [, table] = /^(?:ip|ip6|inet|netdev|arp|bridge) (\S+) /.exec(last?.name ?? "") ?? [];
  const isForeign = table !== undefined && table !== NFT_TABLE && table !== NFT_BOOT_TABLE;
  return isForeign && last?.verdict.includes("drop") ? last.name : undefined;
}

const NONE = "none that awg can follow";

function goes({ device }: ExplainedSide): string {
  return device.startsWith("(") && device !== "(local)" ? "nowhere" : device;
}

function hex(mark: number): string {
  return `0x${mark.toString(16)}`;
}

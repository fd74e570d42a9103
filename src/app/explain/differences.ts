import { NFT_BOOT_TABLE, NFT_TABLE } from "../../model/ownership.ts";
import type { ExplainedSide, Explanation } from "./explanation.ts";

/**
 * Compares the two sides as shown. A different rule or route counts even if it leads to the same device: it may lead
 * elsewhere once that device is gone. For a dropped packet, mark and route have no effect. Pure.
 */
export function differencesOf(
  declared: ExplainedSide,
  live: ExplainedSide,
  system: Explanation["system"],
): readonly string[] {
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
    return [[dropped, ...path, ...led].join("; ")];
  }
  return isDropped ? path : [...path, ...led, ...verdict];
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

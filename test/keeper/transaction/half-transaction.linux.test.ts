import { describe, expect, test } from "vitest";
import { commandObstacle, namespaceObstacle } from "../../support/netns.ts";
import { isFullSize, sized } from "../../support/size.ts";
import { swapWhileKilling } from "./half-transaction.ts";
import type { Kill } from "./kills.ts";

const obstacle = namespaceObstacle() ?? commandObstacle("nft", "strace");
const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);
const moments = Number(process.env["AWG_KILLS"] ?? 1000);
const limitMs = sized(110_000, 2 * 3_600_000);
/** How many share a namespace at full size; a run that is cut off has then reported those before. */
const together = 100;

/** Before the transaction is sent, when its answer is read, and in between. */
const kills: readonly Kill[] = [
  ...sized([1, 2, 3], upTo(6)).map((n): Kill => ({ victim: "keeper", call: "sendto", n })),
  ...sized([2, 3], upTo(10)).map((n): Kill => ({ victim: "keeper", call: "recvfrom", n })),
  ...sized([2, 4], upTo(20)).map((n): Kill => ({ victim: "client", call: "sendto", n })),
  ...sized(
    [0.4, 0.6, 0.8],
    upTo(moments).map((n) => n / moments),
  ).map((share): Kill => ({ victim: "moment", share })),
];
const series = Array.from({ length: Math.ceil(kills.length / together) }, (_, nth) => {
  const part = kills.slice(nth * together, (nth + 1) * together);
  return { part, first: nth * together + 1, last: nth * together + part.length };
});

describe.skipIf(obstacle !== undefined)(`a transaction (${obstacle ?? "on this kernel"})`, () => {
  test.each(series)("B9, laws 1, 5: kills $first to $last leave the old ruleset or the new one", ({ part }) => {
    const outcomes = swapWhileKilling(part, limitMs);
    console.log(`${part.length} kills: ${JSON.stringify({ ...outcomes, other: outcomes.other.length })}`);
    expect(outcomes).toMatchObject({ other: [], after: "" });
    if (isFullSize) return;
    expect(outcomes.old).toBeGreaterThan(0);
    expect(outcomes.new).toBeGreaterThan(0);
    expect(outcomes.deaths).toBeGreaterThan(part.length / 2);
  });
});

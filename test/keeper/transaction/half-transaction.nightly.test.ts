import { describe, expect, test } from "vitest";
import { commandObstacle, namespaceObstacle } from "../../support/netns.ts";
import { swapWhileKilling } from "./half-transaction.ts";
import type { Kill } from "./kills.ts";

const obstacle = namespaceObstacle() ?? commandObstacle("nft", "strace");
const MOMENTS = Number(process.env["AWG_KILLS"] ?? 1000);
const LIMIT_MS = 2 * 3_600_000;
/** So many in one namespace, so that a run that is cut off has told of those before: `-t "kills 201 to"` begins later. */
const TOGETHER = 100;

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);
const KILLS: readonly Kill[] = [
  ...upTo(6).map((n): Kill => ({ victim: "keeper", call: "sendto", n })),
  ...upTo(10).map((n): Kill => ({ victim: "keeper", call: "recvfrom", n })),
  ...upTo(20).map((n): Kill => ({ victim: "client", call: "sendto", n })),
  ...upTo(MOMENTS).map((n): Kill => ({ victim: "moment", share: n / MOMENTS })),
];

const series = Array.from({ length: Math.ceil(KILLS.length / TOGETHER) }, (_, nth) => {
  const kills = KILLS.slice(nth * TOGETHER, (nth + 1) * TOGETHER);
  return { kills, first: nth * TOGETHER + 1, last: nth * TOGETHER + kills.length };
});

describe.skipIf(obstacle !== undefined)(`a transaction (${obstacle ?? "on this kernel"})`, () => {
  test.each(series)("B9, laws 1 and 5: kills $first to $last leave the old ruleset or the new one", ({ kills }) => {
    const outcomes = swapWhileKilling(kills, LIMIT_MS);
    console.log(`${kills.length} kills: ${JSON.stringify({ ...outcomes, other: outcomes.other.length })}`);
    expect(outcomes).toMatchObject({ other: [], after: "" });
  });
});

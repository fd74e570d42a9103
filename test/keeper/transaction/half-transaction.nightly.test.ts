import { describe, expect, test } from "vitest";
import { commandObstacle, namespaceObstacle } from "../../support/netns.ts";
import { swapWhileKilling } from "./half-transaction.ts";
import type { Kill } from "./kills.ts";

const obstacle = namespaceObstacle() ?? commandObstacle("nft", "strace");
const MOMENTS = Number(process.env["AWG_KILLS"] ?? 1000);
const LIMIT_MS = 2 * 3_600_000;

const upTo = (count: number): number[] => Array.from({ length: count }, (_, index) => index + 1);
const KILLS: readonly Kill[] = [
  ...upTo(6).map((n): Kill => ({ victim: "keeper", call: "sendto", n })),
  ...upTo(10).map((n): Kill => ({ victim: "keeper", call: "recvfrom", n })),
  ...upTo(20).map((n): Kill => ({ victim: "client", call: "sendto", n })),
  ...upTo(MOMENTS).map((n): Kill => ({ victim: "moment", share: n / MOMENTS })),
];

describe.skipIf(obstacle !== undefined)(`a transaction (${obstacle ?? "on this kernel"})`, () => {
  test("B9, laws 1 and 5: killed at every moment, the ruleset is the old or the new one", () => {
    const outcomes = swapWhileKilling(KILLS, LIMIT_MS);
    console.log(`${KILLS.length} kills: ${JSON.stringify({ ...outcomes, other: outcomes.other.length })}`);
    expect(outcomes).toMatchObject({ other: [], after: "" });
  });
});

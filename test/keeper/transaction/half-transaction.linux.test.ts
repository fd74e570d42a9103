import { describe, expect, test } from "vitest";
import { commandObstacle, namespaceObstacle } from "../../support/netns.ts";
import { swapWhileKilling } from "./half-transaction.ts";
import type { Kill } from "./kills.ts";

const obstacle = namespaceObstacle() ?? commandObstacle("nft", "strace");

/** Before the transaction is sent, when its answer is read, and in between. */
const KILLS: readonly Kill[] = [
  ...[1, 2, 3].map((n): Kill => ({ victim: "keeper", call: "sendto", n })),
  ...[2, 3].map((n): Kill => ({ victim: "keeper", call: "recvfrom", n })),
  ...[0.4, 0.6, 0.8].map((share): Kill => ({ victim: "moment", share })),
  ...[2, 4].map((n): Kill => ({ victim: "client", call: "sendto", n })),
];

describe.skipIf(obstacle !== undefined)(`a transaction (${obstacle ?? "on this kernel"})`, () => {
  test("B9, laws 1 and 5: whoever is killed at it, the ruleset is the old or the new one", () => {
    const outcomes = swapWhileKilling(KILLS, 110_000);
    expect(outcomes).toMatchObject({ other: [], after: "" });
    expect(outcomes.old).toBeGreaterThan(0);
    expect(outcomes.new).toBeGreaterThan(0);
    expect(outcomes.deaths).toBeGreaterThan(KILLS.length / 2);
  });
});

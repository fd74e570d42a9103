import { describe, expect, test } from "vitest";
import { commandObstacle, namespaceObstacle, tunObstacle } from "../support/netns.ts";
import { sized } from "../support/size.ts";
import { dieAtEach } from "./death-at.ts";

const obstacle = namespaceObstacle() ?? tunObstacle() ?? commandObstacle("strace", "wireguard-go");
/** The calls of an apply, each with how often the keeper makes it at least. */
const calls: readonly (readonly [string, number])[] = sized(
  [["ioctl", 2]],
  [
    ["ioctl", 2],
    ...["sendto", "bind", "clone", "unlink", "fchmodat", "fchownat", "write"].map((call) => [call, 0] as const),
  ],
);

describe.skipIf(obstacle !== undefined)(`a keeper that dies (${obstacle ?? "on this kernel"})`, () => {
  test.each(calls)(
    "law 5: at any %s of an apply, the next apply succeeds",
    { timeout: 600_000 },
    async (call, least) => {
      expect(await dieAtEach(call)).toBeGreaterThanOrEqual(least);
    },
  );
});

import { describe, expect, test } from "vitest";
import { commandObstacle, namespaceObstacle, tunObstacle } from "../support/netns.ts";
import { dieAtEach } from "./death-at.ts";

const obstacle = namespaceObstacle() ?? tunObstacle() ?? commandObstacle("strace", "wireguard-go");
const CALLS = ["sendto", "bind", "clone", "unlink", "fchmodat", "fchownat", "write"];

describe.skipIf(obstacle !== undefined)(`a keeper that dies (${obstacle ?? "on this kernel"})`, () => {
  test.each(CALLS)(
    "law 5: at whichever %s of an apply, the next apply succeeds",
    { timeout: 600_000 },
    async (call) => {
      expect(await dieAtEach(call)).toBeGreaterThanOrEqual(0);
    },
  );
});

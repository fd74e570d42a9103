import { describe, expect, test } from "vitest";
import { commandObstacle, namespaceObstacle, tunObstacle } from "../support/netns.ts";
import { dieAtEach } from "./death-at.ts";

const obstacle = namespaceObstacle() ?? tunObstacle() ?? commandObstacle("strace", "wireguard-go");

describe.skipIf(obstacle !== undefined)(`a keeper that dies (${obstacle ?? "on this kernel"})`, () => {
  test("law 5: at whichever ioctl of an apply, the next apply succeeds", { timeout: 600_000 }, async () => {
    expect(await dieAtEach("ioctl")).toBeGreaterThanOrEqual(2);
  });
});

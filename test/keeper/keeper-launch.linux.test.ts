import { expect, test } from "vitest";
import { keeperClient } from "../../src/host/linux/keeper-client.ts";
import { AwgError } from "../../src/model/error.ts";
import { keeperPaths } from "../../src/model/keeper-protocol.ts";
import { temporaryFolder } from "../state/folder.ts";

test("a keeper that ends by a fault of its own each time it is started is told soon: each step of a way back asks for one", async () => {
  const client = keeperClient(keeperPaths(temporaryFolder(), 1), ["false"]);
  for (const longestMs of [10_000, 5_000]) {
    const beganMs = performance.now();
    const error = await client.ensureRunning().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(AwgError);
    expect(error).toMatchObject({
      message: "the keeper did not start",
      remedy: expect.stringMatching(/^look into .*log$/),
    });
    expect(performance.now() - beganMs).toBeLessThan(longestMs);
  }
}, 60_000);

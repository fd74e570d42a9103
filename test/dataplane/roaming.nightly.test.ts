import { describe, expect, it } from "vitest";
import { expectQuiet } from "./support/expect-quiet.ts";

const isLinux = process.platform === "linux";
/** An event and its line for each of the packets would be ten times this. */
const MOST_GROWTH_BYTES = 32 * 1024 * 1024;

describe.skipIf(!isLinux)(`a peer that is elsewhere with every packet${isLinux ? "" : " (needs Linux)"}`, () => {
  it("is told of once a second, in 100,000 packets, and costs no memory", async () => {
    const { grownBytes } = await expectQuiet(100_000);
    expect(grownBytes).toBeLessThan(MOST_GROWTH_BYTES);
  });
});

import { describe, expect, it } from "vitest";
import { expectQuiet } from "./support/expect-quiet.ts";

const isLinux = process.platform === "linux";

describe.skipIf(!isLinux)(`a peer that is elsewhere with every packet${isLinux ? "" : " (needs Linux)"}`, () => {
  it("is told of once a second, in 5,000 packets", async () => {
    const { moves } = await expectQuiet(5000);
    expect(moves).toBeGreaterThan(0);
  });
});

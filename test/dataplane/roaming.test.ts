import { describe, expect, it } from "vitest";
import { sized } from "../support/size.ts";
import { expectQuiet } from "./support/expect-quiet.ts";

const isLinux = process.platform === "linux";
const packets = sized(5_000, 100_000);
/** An event and its line for each of 100,000 packets would be ten times this. */
const mostGrowthBytes = 32 * 1024 * 1024;

describe.skipIf(!isLinux)(
  `a peer with an address that changes with every packet${isLinux ? "" : " (needs Linux)"}`,
  () => {
    it(`is reported once a second in ${packets} packets, and costs no memory`, async () => {
      const { moves, grownBytes } = await expectQuiet(packets);
      expect(moves).toBeGreaterThan(0);
      expect(grownBytes).toBeLessThan(mostGrowthBytes);
    });
  },
);

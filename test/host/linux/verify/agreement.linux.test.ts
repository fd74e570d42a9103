import { describe, expect, test } from "vitest";
import { LAPTOP } from "../../../model/firewall/policies.ts";
import { commandObstacle, namespaceObstacle } from "../../../support/netns.ts";
import { Agreement, drawSamples, MEDDLINGS } from "./agreement.ts";

const obstacle = namespaceObstacle() ?? commandObstacle("ip", "python3", "nft");
const PACKETS = 320;

describe.skipIf(obstacle !== undefined)(`awg verify (${obstacle ?? "on this kernel"})`, () => {
  test("law 1: what comes through a ruleset and a broken one is exactly what it says, by sampled packets", () => {
    using agreement = new Agreement();
    const samples = drawSamples(PACKETS);
    const half = samples.length / 2;
    for (const [index, meddling] of [MEDDLINGS[0], MEDDLINGS[2]].entries()) {
      if (meddling === undefined) throw new Error("nothing to meddle with");
      agreement.load(LAPTOP, meddling);
      const { kinds, passed } = agreement.compare(LAPTOP, samples.slice(index * half, (index + 1) * half));
      expect(kinds.includes("leak"), meddling.name).toBe(meddling.commands.length > 0);
      expect(passed).toBeGreaterThan(5);
    }
  });
});

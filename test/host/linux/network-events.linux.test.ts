import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { NetworkEvent } from "../../../src/host/ports/network-events.ts";
import { commandObstacle, makeNamespace, namespaceObstacle, type TestNamespace } from "../../support/netns.ts";

const obstacle = namespaceObstacle() ?? commandObstacle("ip", "nft");

describe.skipIf(obstacle !== undefined)(
  `what the kernel reports${obstacle === undefined ? "" : ` (${obstacle})`}`,
  () => {
    let machine: TestNamespace;
    let heard: Record<
      "ownRule" | "foreignRule" | "filter" | "sameProgram" | "flood" | "afterFlood",
      readonly NetworkEvent[]
    >;

    beforeAll(() => {
      machine = makeNamespace("events");
      heard = machine.runScript("test/host/linux/network-events.script.ts") as typeof heard;
    });
    afterAll(() => machine?.[Symbol.dispose]());

    const named = (events: readonly NetworkEvent[]): string[] => events.map(({ what }) => what);

    test("own rules are not reported, the foreign route after them is, and so are foreign rules", () => {
      expect(named(heard.ownRule)).toEqual(["routes"]);
      expect(named(heard.foreignRule)).toContain("policy rules");
    });

    test("own transactions, and one made for us by another process, are not reported; others' come with their program", () => {
      expect(heard.filter).toMatchObject([{ by: { program: "nft", pid: expect.any(Number) } }]);
      expect(heard.sameProgram).toMatchObject([{ what: "packet filter", by: { pid: expect.any(Number) } }]);
    });

    test("B10: a flood that overruns the buffer is reported as a change of everything, counted, and watching continues", () => {
      const overrun = heard.flood.find(({ what }) => what.includes("overrun"));
      expect(overrun).toEqual({ what: "lost kernel events (overrun 1)", renumbered: true });
      expect(named(heard.afterFlood)).toContain("policy rules");
    });
  },
);

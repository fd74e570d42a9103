import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { NetworkEvent, Writer } from "../../../../src/host/ports/network-events.ts";
import { commandObstacle, makeNamespace, namespaceObstacle, type TestNamespace } from "../../../support/netns.ts";

const obstacle = namespaceObstacle() ?? commandObstacle("ip", "python3");

interface Seen {
  readonly pid: number;
  readonly by?: Writer;
  readonly again?: Writer;
}

describe.skipIf(obstacle !== undefined)(
  `who deletes a policy rule of awg's${obstacle === undefined ? "" : ` (${obstacle})`}`,
  () => {
    let machine: TestNamespace;
    let seen: Record<"first" | "second" | "impostor", Seen> & {
      readonly self: number;
      readonly short: readonly Seen[];
      readonly notOurs: NetworkEvent;
    };

    beforeAll(() => {
      machine = makeNamespace("writers");
      seen = machine.runScript("test/host/linux/processes/writers.script.ts") as typeof seen;
    });
    afterAll(() => machine?.[Symbol.dispose]());

    test("is named by its first socket, with its parent", () => {
      const named = {
        pid: seen.first.pid,
        program: "ip",
        parent: { pid: seen.self, program: "node writers.script.ts" },
      };
      expect([seen.first.by, seen.first.again]).toEqual([named, named]);
    });

    test("is named by another socket, which does not have its pid", () => {
      const named = {
        pid: seen.second.pid,
        program: expect.stringMatching(/^python3[0-9.]* rival\.py$/),
        parent: { pid: seen.self },
      };
      expect([seen.second.by, seen.second.again]).toMatchObject([named, named]);
    });

    test("is named though its socket has another pid", () => {
      expect([seen.impostor.by, seen.impostor.again]).toMatchObject(Array(2).fill({ pid: seen.impostor.pid }));
    });

    test("is named if it is still there when it is looked for, else by its number alone, and never as another", () => {
      for (const { pid, by } of seen.short) {
        const named = { pid, program: "ip", parent: { pid: seen.self, program: "node writers.script.ts" } };
        // Searching all processes for one that has no descriptors any more is done twice a second.
        expect([named, { port: pid, unnamed: "closed" }, undefined]).toContainEqual(by);
      }
    });

    test("is not looked for where nothing of awg's was changed", () => {
      expect(seen.notOurs).toEqual({ what: "policy rules", renumbered: false, devices: [] });
    });
  },
);

import { describe, expect, test } from "vitest";
import { namespaceObstacle } from "../../support/netns.ts";
import { LinuxMachine } from "./linux-machine.ts";

const obstacle = namespaceObstacle();

describe.skipIf(obstacle !== undefined)(`one look at the machine (on this kernel${obstacle ?? ""})`, () => {
  test("a snapshot keeps its devices, names a later one by its routes, and the next snapshot has all", () => {
    using machine = new LinuxMachine("look");
    const reported = machine.namespace.runScript("test/host/linux/snapshot.script.ts", { runDir: machine.folder });
    expect(reported).toEqual({
      // Nothing was read before the first question.
      first: ["d0", "e0"],
      same: ["d0", "e0"],
      // The device is gone, and no engine answers for it.
      engines: 0,
      routes: [["10.9.0.0/16", "d1"]],
      now: ["d1", "e1"],
      next: ["d1", "e1"],
    });
  });
});

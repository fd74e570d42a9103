import { describe, expect, test } from "vitest";
import { readBootSession } from "../../../src/native/darwin/calls.ts";
import { FakeLibSystem } from "../../host/darwin/fake/fake-libsystem.ts";
import { macBook } from "../../host/darwin/fake/machine.ts";

describe("the name of a boot", () => {
  test("is the kernel's, the same for each process, and another after the next boot", () => {
    const machine = macBook();
    const [root, person] = [0, 501].map((uid) => new FakeLibSystem(machine, { pid: 400 + uid, uid }));
    const first = readBootSession(root as FakeLibSystem);
    expect(first).toBe(machine.bootSession);
    expect(readBootSession(person as FakeLibSystem)).toBe(first);
    machine.bootSession = "0A1B2C3D-0000-4000-8000-00000000000F";
    expect(readBootSession(root as FakeLibSystem)).toBe("0A1B2C3D-0000-4000-8000-00000000000F");
  });

  test.each(["", "not a UUID", "0A1B2C3D-0000-4000-8000-00000000000", "../../../../../../../../../../../etc"])(
    "is unknown where the kernel says %j",
    (said) => {
      const machine = macBook();
      machine.bootSession = said;
      expect(readBootSession(new FakeLibSystem(machine, { pid: 400, uid: 0 }))).toBe("unknown");
    },
  );

  test("is unknown where the kernel has no such name", () => {
    expect(readBootSession({ sysctlByName: () => ({ value: -1, errno: 2, length: 0 }) })).toBe("unknown");
  });
});

import { spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import type { Paths } from "../../src/compose/paths.ts";
import { temporaryFolder } from "../support/folder.ts";
import { makeNamespace, namespaceObstacle, type TestNamespace } from "../support/netns.ts";

const obstacle = namespaceObstacle();
const SCRIPT = "test/compose/paths.script.ts";
const BOOT_ID = "/proc/sys/kernel/random/boot_id";

describe.skipIf(obstacle !== undefined)(`where awg keeps what (${obstacle ?? "on this kernel"})`, () => {
  let folder: string;
  beforeAll(() => {
    folder = temporaryFolder("t-paths");
  });

  const pathsIn = (space: TestNamespace) => space.runScript(SCRIPT) as [Paths, Paths];
  const inodeIn = (space: TestNamespace) => space.run(["stat", "-Lc", "%i", "/proc/self/ns/net"]).stdout.trim();

  /** The same namespace as if it were one of another boot. */
  function inAnotherBoot(space: TestNamespace): [Paths, Paths] {
    const file = join(folder, "boot_id");
    writeFileSync(file, `${randomUUID()}\n`);
    const words = `mount --bind ${file} ${BOOT_ID} && exec ${process.execPath} ${join(process.cwd(), SCRIPT)}`;
    return JSON.parse(space.run(["unshare", "-m", "sh", "-c", words]).stdout) as [Paths, Paths];
  }

  test("a namespace's state is found by no other namespace of its number, of this boot or another", () => {
    const seen = new Set<string>();
    const boot = readFileSync(BOOT_ID, "utf8").split("-")[0];
    // The kernel gives the number of a namespace that is gone to the next.
    for (let made = 0; made < 3; made += 1) {
      using space = makeNamespace("paths");
      const inode = inodeIn(space);
      const [{ stateDir, runDir }, chosen] = pathsIn(space);
      expect(stateDir).toMatch(new RegExp(`^/var/lib/awg/netns-${inode}-${boot}-[0-9]+$`));
      expect([runDir, chosen.stateDir]).toEqual([`/run/awg/netns-${inode}`, "/chosen"]);
      expect(pathsIn(space)[0].stateDir).toBe(stateDir);
      // Whether the number comes again is the kernel's affair: the rest of the name must tell.
      const rest = stateDir.replace(`netns-${inode}`, "");
      expect([...seen]).not.toContain(rest);
      seen.add(rest);
      expect(inAnotherBoot(space)[0].stateDir).not.toBe(stateDir);
      expect(inAnotherBoot(space)[1].stateDir).toBe("/chosen");
    }
  });

  // The kernel gives the machine's own namespace that number since Linux 6.18.
  const isInitial = statSync("/proc/self/ns/net").ino === 0xefff_fff9;

  test.skipIf(!isInitial)("the machine's own namespace finds its state in every boot, though /proc/1 is hidden", () => {
    const words = `mount -t tmpfs none /proc/1 && exec ${process.execPath} ${join(process.cwd(), SCRIPT)}`;
    const { stdout } = spawnSync("unshare", ["-m", "sh", "-c", words], { encoding: "utf8" });
    expect((JSON.parse(stdout) as [Paths, Paths])[0].stateDir).toBe("/var/lib/awg/netns-4026531833");
  });
});

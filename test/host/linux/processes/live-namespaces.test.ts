import { spawnSync } from "node:child_process";
import { statSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { allNamespaces, liveNamespaces } from "../../../../src/host/linux/processes/live-namespaces.ts";
import { namespaceObstacle } from "../../../support/netns.ts";

const MODULE = join(import.meta.dirname, "../../../../src/host/linux/processes/live-namespaces.ts");
const ASK = `import { allNamespaces } from ${JSON.stringify(MODULE)}; console.log(allNamespaces() === undefined);`;

test.skipIf(namespaceObstacle() !== undefined)("what exists is unknown where processes of the host are hidden", () => {
  const isWhole = statSync("/proc/self/ns/pid").ino === 0xefff_fffc;
  expect(allNamespaces()).toEqual(isWhole ? liveNamespaces() : undefined);
  const hidden = ["--pid", "--fork", "--mount-proc", process.execPath, "--input-type=module", "-e", ASK];
  expect(spawnSync("unshare", hidden, { encoding: "utf8" }).stdout.trim()).toBe("true");
});

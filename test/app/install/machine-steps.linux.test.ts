import { spawnSync } from "node:child_process";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../../support/folder.ts";
import { commandObstacle, namespaceObstacle } from "../../support/netns.ts";

const obstacle = namespaceObstacle() ?? commandObstacle("unshare", "useradd", "groupadd");
const SCRIPT = join(import.meta.dirname, "machine-steps.script.ts");

test.skipIf(obstacle !== undefined)(
  `install makes the user awg and the group awg-viewer once, and removes only what it made${obstacle === undefined ? "" : ` (${obstacle})`}`,
  () => {
    const folder = temporaryFolder("t-accounts");
    const etc = join(folder, "etc");
    mkdirSync(etc);
    // A copy of /etc without entries of an installed awg, seen by this process alone.
    const words = [
      `cp -a /etc/. ${etc}`,
      `for f in passwd shadow group gshadow; do [ ! -e ${etc}/$f ] || sed -i '/^awg/d' ${etc}/$f; done`,
      `mount --bind ${etc} /etc`,
      `exec "$0" "$@"`,
    ].join(" && ");
    const done = spawnSync("unshare", ["--mount", "sh", "-c", words, process.execPath, SCRIPT], { encoding: "utf8" });
    expect(done.stderr).toBe("");
    const both = ["awg", "awg-viewer"];
    expect(JSON.parse(done.stdout)).toEqual([
      { outcomes: ["done", "done"], groups: both },
      { outcomes: ["kept", "kept"], groups: both },
      { outcomes: ["done", "done"], groups: [] },
      { outcomes: ["done", "done"], groups: both },
      { outcomes: ["left", "left"], groups: both },
    ]);
  },
);

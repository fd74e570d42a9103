import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { hasProgram } from "../../../../lab/world/command.ts";
import { temporaryFolder } from "../../../../support/folder.ts";

const SCRIPT = join(import.meta.dirname, "full-disk.script.ts");
const limitMs = 60_000;
const isPossible = process.geteuid?.() === 0 && hasProgram("unshare");

test.skipIf(!isPossible)(
  `S1.7: policies go on being loaded and put back where the run folder's disk is full${isPossible ? "" : " (skipped: needs root and unshare)"}`,
  () => {
    const folder = temporaryFolder();
    const mount = `mount -t tmpfs -o size=1m,mode=0700 tmpfs "$0" && exec "$@"`;
    const node = [process.execPath, "--disable-warning=ExperimentalWarning", SCRIPT, folder];
    const argv = ["--mount", "--propagation", "private", "sh", "-c", mount, folder, ...node];
    const { status, stdout, stderr } = spawnSync("unshare", argv, { encoding: "utf8", timeout: limitMs });
    expect({ status, stderr }).toEqual({ status: 0, stderr: "" });
    expect(JSON.parse(stdout)).toEqual({
      isSame: true,
      isFound: true,
      refusal: expect.stringMatching(
        /record\/policy-[0-9a-f]{64}\.json could not be written: ENOSPC.*; free some space on its file system \(df\)$/,
      ),
      mark: null,
      drafts: [],
      left: [],
    });
  },
);

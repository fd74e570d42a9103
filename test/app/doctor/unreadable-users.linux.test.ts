import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { expect, test } from "vitest";
import { hasProgram } from "../../lab/world/command.ts";
import { useBuiltProgram } from "../../support/built-program.ts";
import { temporaryFolder } from "../../support/folder.ts";

const program = useBuiltProgram();
const folder = temporaryFolder("unreadable");

const obstacle = process.geteuid?.() === 0 && hasProgram("unshare") ? "" : " (skipped: needs root and unshare)";
/** In a mount namespace /etc/passwd is a file that is refused, or fails with EIO where nothing is at its beginning. */
const SCRIPT = [
  "mount --make-rprivate /",
  "mount -t tmpfs none /run",
  "mount --bind /proc/1/mem /etc/passwd",
  '"$@"',
].join("; ");

test.skipIf(obstacle !== "")(`of a machine whose users cannot be read doctor tells, and of all else${obstacle}`, () => {
  const awg = [process.execPath, program(), "doctor", "--json", "--state-dir", join(folder, "state")];
  const { stdout, stderr } = spawnSync("unshare", ["-m", "-n", "sh", "-c", SCRIPT, "sh", ...awg], {
    encoding: "utf8",
    timeout: 60_000,
  });
  expect(stderr).toBe("");
  expect(stdout).toContain("machine-unreadable");
  expect(stdout).toContain("firewalls and resolvers of other programs");
});

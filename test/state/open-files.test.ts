import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { temporaryFolder } from "../support/folder.ts";

const SCRIPT = join(import.meta.dirname, "open-files.script.ts");

test("a process out of file descriptors says so, not that a state file is damaged or exposed", () => {
  const folder = temporaryFolder();
  writeFileSync(join(folder, "any"), "", { mode: 0o600 });
  const node = [process.execPath, "--disable-warning=ExperimentalWarning", SCRIPT, folder];
  const { stdout, stderr } = spawnSync("sh", ["-ec", 'ulimit -n 64; exec "$@"', "sh", ...node], { encoding: "utf8" });
  expect(stderr).toBe("");
  const reported = JSON.parse(stdout) as Record<string, unknown>;
  const outOfFiles = { kind: "host", remedy: expect.stringContaining("ulimit -n"), state: null };
  const acts = ["state", "journal", "write", "list", "lock", "holder", "secret", "config", "users", "serviceUser"];
  expect(Object.keys(reported).toSorted()).toEqual(acts.toSorted());
  for (const what of acts) expect({ [what]: reported[what] }).toEqual({ [what]: outOfFiles });
});

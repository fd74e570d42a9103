import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { useBuiltProgram } from "../support/built-program.ts";

const program = useBuiltProgram();

test.each([["show"], ["showconf"], ["set"]])(
  "awg %s names an option of other verbs, and takes it for no interface",
  (verb) => {
    const argv = ["--disable-warning=ExperimentalWarning", program(), verb, "--state-dir", "/nowhere"];
    const { status, stderr } = spawnSync(process.execPath, argv, { encoding: "utf8", timeout: 60_000 });
    expect(stderr).toBe("awg: unknown option --state-dir; the verbs of wg(8) have only --netns\n");
    expect(status).toBe(1);
  },
);

import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { useBuiltProgram } from "../support/built-program.ts";

const folder = mkdtempSync(join(tmpdir(), "awg-full-"));
const state = join(folder, "state");
const program = useBuiltProgram();
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function awg(...words: readonly string[]) {
  const where = ["--host", `simulated:${join(folder, "machine.json")}`, "--state-dir", state];
  const { status, stdout, stderr } = spawnSync(process.execPath, [program(), ...words, ...where], {
    encoding: "utf8",
    timeout: 60_000,
    cwd: "/",
  });
  return { status, stdout, stderr };
}

describe("law 9: a state folder that takes no more", () => {
  test("what stands but could not be written down as accepted is said, and written by the next apply", () => {
    const config = join(folder, "config.yaml");
    writeFileSync(
      config,
      `apiVersion: awg/v1
default: { via: direct }
rules: [{ destinations: [192.0.2.0/24], via: block }]
`,
      { mode: 0o600 },
    );
    // A folder where the draft belongs is refused like a full disk, by the last write of an apply.
    mkdirSync(join(state, ".ledger.new"), { recursive: true, mode: 0o700 });
    const first = awg("apply", "-f", config, "--auto-approve");
    expect(first).toMatchObject({ status: 0, stderr: expect.stringContaining("could not be written") });
    expect(first.stderr).toContain("the next apply or destroy writes it");
    rmdirSync(join(state, ".ledger.new"));
    const second = awg("apply", "-f", config, "--auto-approve");
    expect(second).toMatchObject({ status: 0, stderr: expect.not.stringContaining("could not be written") });
    expect(awg("status").stdout).toContain("Generation 1");
  });
});

import { spawnSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { useBuiltProgram } from "../support/built-program.ts";
import { temporaryFolder } from "../support/folder.ts";

const EXAMPLE = join(import.meta.dirname, "../../examples/laptop");
const MAC = join(EXAMPLE, "hosts/macos.json");
const KEY = Buffer.alloc(32, 7).toString("base64");
const program = useBuiltProgram();
let folder = "";
beforeEach(() => {
  folder = temporaryFolder("simulated-file");
});

function awg(...words: readonly string[]) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [program(), ...words], {
    encoding: "utf8",
    timeout: 60_000,
    cwd: folder,
    env: { ...process.env, HOME_KEY: KEY },
  });
  return { status, stdout, stderr };
}

test("an apply on a simulated host without a file says that nothing is kept", () => {
  const bare = awg("apply", "-f", join(EXAMPLE, "config.yaml"), "--host", "simulated", "--auto-approve");
  expect(bare).toMatchObject({ status: 0, stderr: expect.stringContaining("--host simulated forgets this now") });
  const kept = awg("apply", "-f", join(EXAMPLE, "config.yaml"), "--host", "simulated:x.json", "--auto-approve");
  expect(kept).toMatchObject({ status: 0, stderr: expect.not.stringContaining("forgets") });
});

describe("--host simulated:FILE where FILE does not exist", () => {
  test("the machine of that name beside the config is planned for; nothing is written (law 2)", () => {
    const plan = awg("plan", "-f", EXAMPLE, "--host", "simulated:macos.json");
    expect(plan).toMatchObject({ status: 0, stderr: expect.stringContaining(`starts as ${MAC} and`) });
    expect(existsSync(join(folder, "macos.json"))).toBe(false);
  });

  test("the plan for the MacBook of examples/laptop is what lies beside it", async () => {
    const { status, stdout, stderr } = awg("plan", "-f", EXAMPLE, "--host", "simulated:macos.json");
    expect(status).toBe(0);
    expect(stderr).toContain("tunnels: other traffic to 198.51.100.7 is dropped, because macOS has one route");
    await expect(stdout).toMatchFileSnapshot(join(EXAMPLE, "plan.txt"));
  });

  test("an apply writes the named file and leaves the example's as it was", () => {
    const before = readFileSync(MAC, "utf8");
    const apply = awg("apply", "-f", EXAMPLE, "--host", "simulated:macos.json", "--auto-approve");
    expect(apply).toMatchObject({ status: 0 });
    expect(readFileSync(MAC, "utf8")).toBe(before);
    expect(JSON.parse(readFileSync(join(folder, "macos.json"), "utf8"))).toMatchObject({ os: "darwin" });
    const diff = awg("diff", "-f", join(EXAMPLE, "config.yaml"), "--host", "simulated:macos.json");
    expect(diff).toMatchObject({ status: 0, stderr: expect.not.stringContaining("does not exist") });
  });

  test("with no machine of that name a Linux laptop begins, and it is said", () => {
    const plan = awg("plan", "-f", EXAMPLE, "--host", "simulated:other.json");
    expect(plan.stderr).toContain("other.json does not exist; the simulated host starts as a Linux laptop");
    expect(plan.stderr).not.toContain("one way");
  });

  test("a path is taken as it is", () => {
    const status = awg("plan", "-f", EXAMPLE, "--host", "simulated:./macos.json");
    expect(status.stderr).toContain("starts as a Linux laptop");
  });
});

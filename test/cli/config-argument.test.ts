import { spawnSync } from "node:child_process";
import { mkdirSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { useBuiltProgram } from "../support/built-program.ts";
import { temporaryFolder } from "../support/folder.ts";

const program = useBuiltProgram();

const folder = temporaryFolder("config-argument");
const [home, empty] = [join(folder, "home"), join(folder, "empty")];
mkdirSync(home, { mode: 0o700 });
mkdirSync(empty);

function awgIn(cwd: string, ...words: readonly string[]) {
  const argv = ["--disable-warning=ExperimentalWarning", program(), ...words];
  return spawnSync(process.execPath, argv, { cwd, encoding: "utf8", timeout: 60_000 });
}
const awg = (...words: readonly string[]) => awgIn(home, ...words);
const SIMULATED = ["--host", "simulated:machine.json"];
const IN_FOLDER = "note: the config is awg.yaml in this folder\n";

describe("init, validate, plan, apply in one folder", () => {
  test("init asks nothing, and writes a config and its key", () => {
    const { status, stdout, stderr } = awg("init");
    expect({ status, stdout }).toEqual({ status: 0, stdout: `Wrote awg.yaml and ${join(home, "awg.key")}.\n` });
    expect(stderr).toBe("Set the server's public key and endpoint in awg.yaml, then: sudo awg plan awg.yaml\n");
    expect(statSync(join(home, "awg.key")).mode & 0o777).toBe(0o600);
    expect(awg("pubkey").status).not.toBe(0);
    expect(awg("init").stderr).toBe("awg: awg.yaml exists already; name another file, or replace it with --force\n");
  });

  test("a saved plan in place of a config is refused, and an unknown option points to the verb's help", () => {
    expect(awg("plan", "--out", "saved.plan", ...SIMULATED).status).toBe(0);
    const { status, stderr } = awg("plan", "saved.plan", ...SIMULATED);
    expect(status).toBe(64);
    expect(stderr).toContain("awg: saved.plan is a saved plan, not a config; carry it out with awg apply --host");
    rmSync(join(home, "saved.plan"));
    rmSync(join(home, "machine.json"), { force: true });
    const unknown = awg("diff", "--nothing");
    expect(unknown.stderr).toBe("error: unknown option '--nothing'\n(awg diff --help lists its options)\n");
  });

  test("a key that exists stays", () => {
    const key = readFileSync(join(home, "awg.key"), "utf8");
    expect(awg("init", "--force").stdout).toBe(`Wrote awg.yaml; its key is ${join(home, "awg.key")}.\n`);
    expect(readFileSync(join(home, "awg.key"), "utf8")).toBe(key);
  });

  test("validate and plan use the config of the folder, and say so", () => {
    expect(awg("validate")).toMatchObject({ status: 0, stdout: "The config is valid.\n" });
    expect(awg("validate").stderr).toContain(IN_FOLDER);
    const planned = awg("plan", "--host", "simulated");
    expect(planned).toMatchObject({ status: 0, stdout: expect.stringContaining("tunnel/vpn") });
    expect(planned.stderr).toContain(IN_FOLDER);
  });

  test("validate, plan, diff, render and apply take the config as an argument", () => {
    expect(awg("validate", "awg.yaml").status).toBe(0);
    expect(awg("render", "awg.yaml", ...SIMULATED).status).toBe(0);
    expect(awg("plan", "awg.yaml", ...SIMULATED).status).toBe(0);
    expect(awg("diff", "awg.yaml", ...SIMULATED).status).toBe(1);
    const applied = awg("apply", "awg.yaml", ...SIMULATED, "--auto-approve");
    expect(applied).toMatchObject({ status: 0, stdout: expect.stringContaining("generation 1") });
    expect(applied.stderr).not.toContain(IN_FOLDER);
    expect(awg("diff", "awg.yaml", ...SIMULATED).status).toBe(0);
    expect(awg("diff", "@1", ...SIMULATED).status).toBe(0);
  });

  test("apply distinguishes a saved plan from a config by its content", () => {
    rmSync(join(home, "machine.json"));
    rmSync(join(home, "machine.json.state"), { recursive: true });
    expect(awg("plan", "awg.yaml", ...SIMULATED, "--out", "change").status).toBe(0);
    expect(awg("apply", "change", ...SIMULATED)).toMatchObject({ status: 0 });
    writeFileSync(join(home, "cut"), readFileSync(join(home, "change"), "utf8").slice(0, 300));
    expect(awg("apply", "cut", ...SIMULATED)).toMatchObject({
      status: 64,
      stderr: "awg: this is not a saved plan: it is not JSON; name a file that awg plan --out wrote\n",
    });
    expect(awg("apply", "nowhere.yaml", ...SIMULATED)).toMatchObject({
      status: 3,
      stderr: "awg: there is no config at nowhere.yaml; check the path\n",
    });
  });

  test("without any config both places are named", () => {
    expect(awgIn(empty, "validate")).toMatchObject({
      status: 3,
      stderr: expect.stringMatching(
        /^awg: there is no config: neither awg\.yaml in this folder nor \/etc\/awg\/config\.yaml; name one with -f/,
      ),
    });
  });
});

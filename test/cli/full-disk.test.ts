import { spawnSync } from "node:child_process";
import { mkdirSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { hasProgram } from "../lab/world/command.ts";
import { useBuiltProgram } from "../support/built-program.ts";
import { sampleConfig } from "../support/config.ts";
import { temporaryFolder } from "../support/folder.ts";

const folder = temporaryFolder("full");
const state = join(folder, "state");
const program = useBuiltProgram();

function awg(...words: readonly string[]) {
  const where = ["--host", `simulated:${join(folder, "machine.json")}`, "--state-dir", state];
  const { status, stdout, stderr } = spawnSync(process.execPath, [program(), ...words, ...where], {
    encoding: "utf8",
    timeout: 60_000,
    cwd: "/",
  });
  return { status, stdout, stderr };
}

/** Takes each block of a disk as soon as somebody gives it up, for a minute at the most. */
const WRITER = [
  "import sys, time, os",
  "end = time.monotonic() + 60",
  "ballast = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)",
  "while time.monotonic() < end:",
  "    try: os.write(ballast, bytes(4096))",
  "    except OSError: pass",
].join("\n");

describe("law 9: a state folder that takes no more", () => {
  test("what is loaded but could not be recorded as accepted is said, and written by the next apply", () => {
    const config = join(folder, "config.yaml");
    writeFileSync(
      config,
      sampleConfig(`default: { via: direct }
rules: [{ destinations: [192.0.2.0/24], via: block }]
`),
      { mode: 0o600 },
    );
    // A folder where the draft belongs is refused like a full disk, by the last write of an apply.
    mkdirSync(join(state, ".ledger.new"), { recursive: true, mode: 0o700 });
    const first = awg("apply", "-f", config, "--auto-approve");
    expect(first).toMatchObject({ status: 0, stderr: expect.stringContaining("could not be written") });
    expect(first.stderr).toContain("the next apply or destroy saves it");
    rmdirSync(join(state, ".ledger.new"));
    const second = awg("apply", "-f", config, "--auto-approve");
    expect(second).toMatchObject({ status: 0, stderr: expect.not.stringContaining("could not be written") });
    expect(awg("status").stdout).toContain("Generation 1");
  });

  const whyNoMount = process.geteuid?.() === 0 && hasProgram("unshare") ? "" : " (skipped: needs root and unshare)";
  test.skipIf(whyNoMount !== "")(`law 5: nothing more can be applied, but a destroy has its room${whyNoMount}`, () => {
    const full = join(folder, "full");
    mkdirSync(full);
    const configs = ["192.0.2.0/24", "198.51.100.0/24"].map((prefix, index) => {
      const path = join(folder, `full-${index}.yaml`);
      const text = sampleConfig(`default: { via: direct }\nrules: [{ destinations: [${prefix}], via: block }]\n`);
      writeFileSync(path, text, { mode: 0o600 });
      return path;
    });
    const verbs = [
      `apply --auto-approve -f ${configs[0]}`,
      `apply --auto-approve -f ${configs[1]}`,
      "destroy --auto-approve",
      `apply --auto-approve -f ${configs[0]}`,
    ].map((verb) => `"$NODE" "$AWG" ${verb} --host "simulated:$MACHINE" --state-dir "$FULL/state"; echo "exit $?"`);
    const script = [
      'mount -t tmpfs -o size=256k,mode=0700 tmpfs "$FULL"',
      verbs[0],
      'cat /dev/zero > "$FULL/ballast"',
      verbs[1],
      verbs[2],
      'rm "$FULL/ballast"; ls -A "$FULL/state"',
      verbs[3],
      'ls -A "$FULL/state"',
    ].join("\n");
    const environment = {
      NODE: process.execPath,
      AWG: program(),
      FULL: full,
      MACHINE: join(folder, "full.json"),
      PATH: process.env["PATH"],
    };
    const { stdout, stderr } = spawnSync("unshare", ["--mount", "--propagation", "private", "sh", "-c", script], {
      encoding: "utf8",
      timeout: 60_000,
      env: environment,
    });
    const reported = stdout.split("\n").filter((line) => /^exit |^room$/.test(line));
    expect({ reported, stderr }).toMatchObject({ reported: ["exit 0", "exit 4", "exit 0", "exit 0", "room"] });
    expect(stderr).toContain("free some space");
  });

  const whyNoWriter =
    whyNoMount === "" && ["python3", "strace"].every(hasProgram) ? "" : " (skipped: needs python3 and strace)";
  test.skipIf(whyNoWriter !== "")(
    `law 5: a destroy ends well beside a program that takes every block${whyNoWriter}`,
    () => {
      const taken = join(folder, "taken");
      mkdirSync(taken);
      const config = join(folder, "taken.yaml");
      const text = sampleConfig("default: { via: direct }\nrules: [{ destinations: [192.0.2.0/24], via: block }]\n");
      writeFileSync(config, text, { mode: 0o600 });
      const where = '--host "simulated:$MACHINE" --state-dir "$TAKEN/state"; echo "exit $?"';
      const script = [
        'mount -t tmpfs -o size=256k,mode=0700 tmpfs "$TAKEN"',
        `"$NODE" "$AWG" apply --auto-approve -f ${config} ${where}`,
        `python3 -c '${WRITER}' "$TAKEN/ballast" & writer=$!`,
        'until [ "$(df --output=avail "$TAKEN" | tail -1)" -eq 0 ]; do sleep 0.05; done',
        // The writer has its time whenever something was given up.
        `strace -f -qq -o /dev/null -e trace=unlink,unlinkat -e inject=unlink,unlinkat:delay_exit=300000 "$NODE" "$AWG" destroy --auto-approve ${where}`,
        "kill $writer; wait $writer 2>/dev/null",
        'rm "$TAKEN/ballast"; ls -A "$TAKEN/state"',
        `"$NODE" "$AWG" status ${where}`,
      ].join("\n");
      const environment = {
        NODE: process.execPath,
        AWG: program(),
        TAKEN: taken,
        MACHINE: join(folder, "taken.json"),
        PATH: process.env["PATH"],
      };
      const { stdout, stderr } = spawnSync("unshare", ["--mount", "--propagation", "private", "sh", "-c", script], {
        encoding: "utf8",
        timeout: 60_000,
        env: environment,
      });
      expect({ reported: stdout.match(/^exit .*|Nothing is applied.*/gm), stderr }).toMatchObject({
        reported: ["exit 0", "exit 0", expect.stringContaining("Nothing is applied"), "exit 0"],
      });
    },
  );
});

import { spawn, spawnSync } from "node:child_process";
import { closeSync, openSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { filesBelow } from "../repository/sources.ts";
import { useBuiltProgram } from "../support/built-program.ts";
import { sampleConfig } from "../support/config.ts";
import { temporaryFolder } from "../support/folder.ts";

const limitMs = 120_000;
const whyNot = process.platform === "linux" ? "" : " (skipped: /dev/full is Linux's)";

// Every write to /dev/full ends in ENOSPC, as to a log on a full disk (full(4)).
describe.skipIf(whyNot !== "")(`law 9: output that cannot be written${whyNot}`, { timeout: limitMs }, () => {
  const folder = temporaryFolder("unwritten");
  const config = join(folder, "config.yaml");
  const host = (name: string) => `simulated:${join(folder, `${name}.json`)}`;
  const program = useBuiltProgram();
  let full = -1;

  beforeAll(() => {
    full = openSync("/dev/full", "w");
    const text = sampleConfig("default: { via: direct }\nrules: [{ destinations: [192.0.2.0/24], via: block }]\n");
    writeFileSync(config, text, { mode: 0o600 });
  });
  afterAll(() => {
    closeSync(full);
  });

  function awg(out: "pipe" | "full", err: "pipe" | "full", ...words: readonly string[]) {
    const streams = [out, err].map((one) => (one === "full" ? full : one));
    return spawnSync(process.execPath, [program(), ...words], { stdio: ["ignore", ...streams], encoding: "utf8" });
  }

  test("a change goes on to its end, and ends with the code of what it did", () => {
    const where = ["--host", host("changed"), "--auto-approve"];
    expect(awg("full", "full", "apply", "-f", config, ...where).status).toBe(0);
    expect(awg("pipe", "pipe", "status", "--host", host("changed")).stdout).toMatch(/^Generation 1$/m);
    expect(awg("full", "pipe", "apply", "-f", config, ...where, "--detailed-exitcode").status).toBe(0);
    expect(awg("full", "full", "destroy", ...where).status).toBe(0);
    expect(awg("pipe", "pipe", "status", "--host", host("changed")).stdout).toContain("Nothing is applied");
    const refused = awg("full", "full", "apply", "-f", join(folder, "absent.yaml"), ...where);
    expect(refused.status).toBe(3);
  });

  test.each(["status", "status --json", "diff", "plan", "render", "schema", "version", "genkey", "--help"])(
    "%s fails, and says why where it can",
    (line) => {
      const words = line.split(" ");
      const needsFile = ["diff", "plan", "render"].includes(line);
      const where = words[0] === "genkey" || words[0] === "--help" ? [] : ["--host", host("read")];
      const { status, stderr } = awg("full", "pipe", ...words, ...(needsFile ? ["-f", config] : []), ...where);
      expect({ status, stderr }).toEqual({
        status: words[0] === "genkey" ? 1 : 74,
        stderr: expect.stringMatching(/^awg: .*could not be written.*$/m),
      });
      expect(stderr).not.toContain("bug");
    },
  );

  test("a verb that only wrote notes without a reader succeeds", () => {
    expect(awg("pipe", "full", "status", "--host", host("noted"))).toMatchObject({ status: 0 });
  });

  test("a daemon goes on without its words", async () => {
    const words = ["daemon", "--foreground", "-f", config, "--host", host("watched")];
    const daemon = spawn(process.execPath, [program(), ...words], { stdio: ["ignore", full, full] });
    const end = new Promise((resolve) => daemon.on("exit", resolve));
    const applied = () => awg("pipe", "pipe", "status", "--host", host("watched")).stdout;
    await expect.poll(applied, { timeout: limitMs / 2, interval: 200 }).toMatch(/^Generation 1$/m);
    expect(daemon.exitCode).toBeNull();
    daemon.kill("SIGTERM");
    expect(await end).toBe(0);
  });
});

describe.skipIf(whyNot !== "")(`law 9: the log of a keeper and of an engine on a full disk${whyNot}`, () => {
  test("costs its lines, and neither the process nor a turn of a loop", () => {
    const log = openSync("/dev/full", "w");
    const life = new URL("../../src/keeper/serving/keeper-life.ts", import.meta.url).href;
    const script = `
      const { reportToLog } = await import(${JSON.stringify(life)});
      let unexpected = 0;
      process.on("uncaughtException", () => { unexpected += 1; });
      reportToLog("one"); reportToLog("two");
      setTimeout(() => console.log("unexpected", unexpected), 50);
    `;
    const argv = ["--disable-warning=ExperimentalWarning", "--input-type=module", "-e", script];
    const { stdout } = spawnSync(process.execPath, argv, { stdio: ["ignore", "pipe", log], encoding: "utf8" });
    closeSync(log);
    expect(stdout).toBe("unexpected 0\n");
  });

  test("no source writes to process.stderr, where errors are lost", () => {
    for (const file of filesBelow("src"))
      expect(readFileSync(file, "utf8"), file).not.toContain("process.stderr.write");
  });
});

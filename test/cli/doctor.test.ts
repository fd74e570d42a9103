import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { FINDING_CATALOGUE } from "../../src/app/doctor/finding-catalogue.ts";
import { EXIT } from "../../src/cli/exit-code.ts";
import { read } from "../repository/sources.ts";
import { useBuiltProgram } from "../support/built-program.ts";
import { PRIVATE_KEY, tunnelConfig } from "../support/config.ts";
import { temporaryFolder } from "../support/folder.ts";

const program = useBuiltProgram();

let folder = "";
const at = (name: string): string => join(folder, name);
const JOURNAL = (): string => at("machine.json.state/journal");

function awg(...args: readonly string[]) {
  const argv = ["--disable-warning=ExperimentalWarning", program(), ...args];
  const host = ["--host", `simulated:${at("machine.json")}`];
  return spawnSync(process.execPath, [...argv, ...host], { encoding: "utf8", timeout: 60_000, cwd: folder });
}

beforeAll(() => {
  folder = temporaryFolder("doctor-cli");
  writeFileSync(at("key"), `${PRIVATE_KEY}\n`, { mode: 0o600 });
  writeFileSync(at("config.yaml"), tunnelConfig({ keyFile: at("key") }));
  expect(awg("apply", "-f", "config.yaml", "--auto-approve").status).toBe(0);
  writeFileSync(JOURNAL(), "0000000 this is no journal\n", { mode: 0o600 });
}, 60_000);

describe("law 5: a machine with a corrupt journal", () => {
  test.each([
    ["apply", ["apply", "-f", "config.yaml", "--auto-approve"]],
    ["destroy", ["destroy", "--auto-approve"]],
    ["rollback", ["rollback", "1", "--auto-approve"]],
    ["confirm", ["confirm"]],
    ["revert", ["revert"]],
  ])("awg %s changes nothing, names the file, and sends to awg doctor", (_verb, args) => {
    const before = readFileSync(at("machine.json"));
    const { status, stderr } = awg(...args);
    expect([status, stderr]).toEqual([EXIT.rollbackIncomplete, expect.stringContaining(JOURNAL())]);
    expect(stderr).toContain("awg doctor");
    expect(readFileSync(at("machine.json"))).toEqual(before);
  });

  test("awg doctor says what to type, and it helps", () => {
    const { status, stdout } = awg("doctor");
    expect(status).toBe(EXIT.verification);
    expect(stdout).toContain(`mv ${JOURNAL()} ${JOURNAL()}.damaged`);
    expect(stdout).toContain("cost: awg forgets the open change");
    const document = JSON.parse(awg("doctor", "--json").stdout);
    expect(document).toMatchObject({ formatVersion: "1", healthy: false });
    expect(document.findings[0]).toMatchObject({ id: "state-file-damaged", severity: "fault" });
    renameSync(JOURNAL(), `${JOURNAL()}.damaged`);
    expect(awg("apply", "-f", "config.yaml", "--auto-approve").status).toBe(0);
    const after = awg("doctor", "--json");
    expect([after.status, JSON.parse(after.stdout).healthy]).toEqual([0, true]);
    expect(existsSync(JOURNAL())).toBe(false);
  });
});

test("docs/reference/doctor.md lists every finding, and no other", () => {
  const explained = [...read("docs/reference/doctor.md").matchAll(/^\| `([a-z0-9-]+)` \|/gm)].map(([, id]) => id);
  expect(explained).toEqual(Object.keys(FINDING_CATALOGUE));
});

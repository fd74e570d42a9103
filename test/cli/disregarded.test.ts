import { spawnSync } from "node:child_process";
import { copyFileSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { EXIT } from "../../src/cli/exit-code.ts";
import type { MachineState } from "../../src/host/simulated/machine-state.ts";
import { DISREGARDED, DISREGARDED_REMEDY } from "../../src/model/firewall/canary.ts";
import { ROOT } from "../repository/sources.ts";
import { useBuiltProgram } from "../support/built-program.ts";
import { temporaryFolder } from "../support/folder.ts";

const program = useBuiltProgram();

const EXAMPLE = join(ROOT, "examples/laptop");
const RED = "\u001b[31m";
let folder = "";
const machine = () => join(folder, "macos.json");

function awg(...args: readonly string[]) {
  const argv = ["--disable-warning=ExperimentalWarning", program(), ...args];
  const env = { ...process.env, HOME_KEY: Buffer.alloc(32, 7).toString("base64"), FORCE_COLOR: "1" };
  const host = ["--host", `simulated:${machine()}`];
  return spawnSync(process.execPath, [...argv, ...host], { encoding: "utf8", timeout: 60_000, cwd: folder, env });
}

/** What an upgrade of macOS did to the packet filter, or a restart mended. */
function change({ acts }: { readonly acts: boolean }): void {
  const { firewall, ...state } = JSON.parse(readFileSync(machine(), "utf8")) as MachineState;
  const { isDisregarded: _is, ...mended } = firewall;
  writeFileSync(machine(), JSON.stringify({ ...state, firewall: acts ? mended : { ...mended, isDisregarded: true } }));
}

const apply = () => awg("apply", "-f", join(EXAMPLE, "config.yaml"), "--auto-approve");

beforeAll(() => {
  folder = temporaryFolder("disregarded");
  copyFileSync(join(EXAMPLE, "hosts/macos.json"), machine());
});

describe("H4: a Mac where the packet filter disregards its rules", () => {
  test("is not protected, in red, by status and doctor; an apply does not pretend to repair it; a restart does", () => {
    expect(apply().status).toBe(0);
    change({ acts: false });

    const { stdout } = awg("status");
    const line = stdout.split("\n").find((one) => one.includes("Protected:"));
    expect(line).toContain(`${RED}no`);
    expect(line).toContain(DISREGARDED);
    const doctor = awg("doctor");
    expect(doctor.status).toBe(EXIT.verification);
    expect(doctor.stdout).toContain("[policy-disregarded]");
    expect(doctor.stdout).toContain(DISREGARDED_REMEDY.split(";")[0]);
    const again = apply();
    expect(again.status).not.toBe(0);
    expect(again.stderr).toContain(`${DISREGARDED}; ${DISREGARDED_REMEDY.split(";")[0]}`);

    change({ acts: true });
    expect(apply().status).toBe(0);
    expect(awg("doctor").stdout).not.toContain("policy-");
  }, 120_000);
});

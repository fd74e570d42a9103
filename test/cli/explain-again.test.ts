import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { EXIT } from "../../src/cli/exit-code.ts";
import { useBuiltProgram } from "../support/built-program.ts";
import { PRIVATE_KEY, tunnelConfig } from "../support/config.ts";
import { temporaryFolder } from "../support/folder.ts";

const program = useBuiltProgram();

test("where config and kernel differ, explain prints the same command with --trace", { timeout: 60_000 }, () => {
  const folder = temporaryFolder("explain-again");
  const machine = join(folder, "machine.json");
  const awg = (...args: readonly string[]) => {
    const argv = ["--disable-warning=ExperimentalWarning", program(), ...args, "--host", `simulated:${machine}`];
    return spawnSync(process.execPath, argv, { encoding: "utf8", timeout: 60_000, cwd: folder });
  };
  writeFileSync(join(folder, "key"), `${PRIVATE_KEY}\n`, { mode: 0o600 });
  writeFileSync(join(folder, "config.yaml"), tunnelConfig({ keyFile: join(folder, "key") }));
  expect(awg("apply", "-f", "config.yaml", "--auto-approve").status).toBe(0);
  const state = JSON.parse(readFileSync(machine, "utf8"));
  state.rules = state.rules.filter(({ rule }: { rule: { preference: number } }) => rule.preference < 10_100);
  writeFileSync(machine, JSON.stringify(state));

  const { status, stdout } = awg("explain", "198.51.100.7:443", "--protocol", "udp", "--uid", "1500");
  expect([status, stdout]).toEqual([
    EXIT.verification,
    expect.stringContaining("For marks, routes and rules of both:"),
  ]);
  const command = stdout.replaceAll(/\s+/g, " ").trim();
  expect(command).toMatch(/awg explain --host simulated:\S+ 198\.51\.100\.7:443 --protocol udp --uid 1500 --trace$/);
});

import { spawnSync } from "node:child_process";
import { expect, test } from "vitest";
import { useSimulatedBench } from "../compose/simulated-bench.ts";
import { useBuiltProgram } from "../support/built-program.ts";

const program = useBuiltProgram();

const newBench = useSimulatedBench();
const VERIFICATION = 6;

function statusOf(file: string, check: string): number | null {
  const argv = ["--disable-warning=ExperimentalWarning", program()];
  const words = ["status", "--check", check, "--host", `simulated:${file}`];
  return spawnSync(process.execPath, [...argv, ...words], { encoding: "utf8", timeout: 60_000 }).status;
}

test("status --check: startup if a state is applied, live if the host is as applied, ready if its tunnels answer too", {
  timeout: 120_000,
}, async () => {
  const bench = newBench();
  const checks = () => ["startup", "live", "ready"].map((check) => statusOf(bench.file, check));
  expect(checks()).toEqual([VERIFICATION, VERIFICATION, VERIFICATION]);
  await bench.apply(bench.config({ office: {} }));
  expect(checks()).toEqual([0, 0, VERIFICATION]);
  const now = Math.floor(Date.now() / 1000);
  bench.meddle((text) => text.replace(/"lastHandshakeSeconds": ?0/, `"lastHandshakeSeconds":${now}`));
  expect(checks()).toEqual([0, 0, 0]);
  bench.meddle((text) =>
    text.replaceAll('"mtuBytes": 1400', '"mtuBytes": 1280').replaceAll('"mtuBytes":1400', '"mtuBytes":1280'),
  );
  expect(checks()).toEqual([0, VERIFICATION, VERIFICATION]);
  expect(statusOf(bench.file, "fine")).toBe(64);
});

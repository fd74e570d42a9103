import { spawnSync } from "node:child_process";
import { rmSync } from "node:fs";
import { expect, test } from "vitest";
import { useSimulatedBench } from "../../compose/simulated-bench.ts";
import { useBuiltProgram } from "../../support/built-program.ts";

const machine = useSimulatedBench();
const program = useBuiltProgram();

test("destroy names the name servers that the host gets back, in its plan and in its result", async () => {
  const bench = machine();
  await bench.apply(bench.config({ office: {} }, "dns: { servers: [10.9.0.1], via: office, bootstrap: [192.0.2.53] }"));
  const argv = [program(), "destroy", "--auto-approve", "--host", `simulated:${bench.file}`];
  const { stdout, stderr } = spawnSync(process.execPath, argv, { encoding: "utf8", timeout: 60_000 });
  expect(stderr).toContain("note: dns: the host gets its name servers back: 192.168.1.1");
  expect(stdout).toContain("Destroyed. The host's own settings are restored. Name servers: 192.168.1.1.");
});

test("destroy with a lost state folder does not claim that the host's own settings are restored", async () => {
  const bench = machine();
  await bench.apply(bench.config({ office: {} }));
  rmSync(`${bench.file}.state`, { recursive: true });
  const argv = [program(), "destroy", "--auto-approve", "--host", `simulated:${bench.file}`];
  const { stdout } = spawnSync(process.execPath, argv, { encoding: "utf8", timeout: 60_000 });
  expect(stdout).toContain("Destroyed. Kernel settings stay as awg set them: their former values are lost.");
});

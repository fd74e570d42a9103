/**
 * Runs lint, types, dead code and all tests, and closes with "N passed, N failed".
 *
 * A noisy machine may starve a test that drives a real kernel, so files that failed are run once more, alone, and that
 * is said. A leak is never run again: a policy that leaks sometimes is a policy that leaks.
 */
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { factsFolder } from "../test/support/facts.ts";

interface Assertion {
  readonly fullName: string;
  readonly status: "passed" | "failed" | "skipped" | "pending" | "todo";
  readonly failureMessages: readonly string[] | null;
}
interface FileResult {
  readonly name: string;
  readonly status: "passed" | "failed";
  readonly message: string;
  readonly assertionResults: readonly Assertion[];
}
interface Totals {
  passed: number;
  failed: number;
  skipped: number;
}

const LEAK = /\bLEAK\b/;
const folder = mkdtempSync(join(tmpdir(), "awg-test-results-"));

function runCheck(name: string, argv: readonly string[]): boolean {
  const [command = "", ...rest] = argv;
  console.log(`── ${name}`);
  const { status } = spawnSync(command, rest, { stdio: ["ignore", "inherit", "inherit"] });
  if (status !== 0) console.log(`${name} failed`);
  return status === 0;
}

function runVitest(run: number, files: readonly string[]): readonly FileResult[] | undefined {
  const report = join(folder, `run-${run}.json`);
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
  spawnSync("vitest", ["run", ...reporters, ...files], { stdio: ["ignore", "inherit", "inherit"] });
  try {
    return (JSON.parse(readFileSync(report, "utf8")) as { testResults: FileResult[] }).testResults;
  } catch {
    console.log("vitest left no report");
    return undefined;
  }
}

function hasFailed(file: FileResult): boolean {
  return file.status === "failed" || file.assertionResults.some((assertion) => assertion.status === "failed");
}

function leaked(file: FileResult): boolean {
  return file.assertionResults.some((assertion) => assertion.failureMessages?.some((text) => LEAK.test(text)));
}

function count(files: readonly FileResult[]): Totals {
  const totals: Totals = { passed: 0, failed: 0, skipped: 0 };
  for (const file of files) {
    for (const { status } of file.assertionResults) {
      if (status === "passed") totals.passed += 1;
      else if (status === "failed") totals.failed += 1;
      else totals.skipped += 1;
    }
    const failedOutsideTests =
      file.status === "failed" && !file.assertionResults.some((one) => one.status === "failed");
    if (failedOutsideTests) totals.failed += 1;
  }
  return totals;
}

function runTests(filters: readonly string[]): Totals {
  const first = runVitest(1, filters);
  if (first === undefined) return { passed: 0, failed: 1, skipped: 0 };
  const again = first.filter((file) => hasFailed(file) && !leaked(file));
  if (again.length === 0 || again.length > 12) return count(first);
  const names = again.map((file) => relative(process.cwd(), file.name));
  console.log(`── failed, running once more, alone: ${names.join(", ")}`);
  const second = runVitest(2, names) ?? again;
  const repeated = new Map(second.map((file) => [file.name, file]));
  for (const file of again) {
    if (!hasFailed(repeated.get(file.name) ?? file))
      console.log(`passed on the second run: ${relative(process.cwd(), file.name)}`);
  }
  return count(first.map((file) => repeated.get(file.name) ?? file));
}

const filters = process.argv.slice(2);
const checks: readonly (readonly [string, readonly string[]])[] = [
  ["lint", ["biome", "check", "--max-diagnostics=50", "."]],
  ["types", ["tsc", "--noEmit"]],
  ["dead code", ["knip"]],
];
const results = filters.length > 0 ? [] : checks.map(([name, argv]) => runCheck(name, argv));
const totals = runTests(filters);
rmSync(folder, { recursive: true, force: true });
if (factsFolder("darwin-abi-core.json") === undefined)
  console.log("── the facts are not here (AWG_FACTS): what of macOS is left out stands in docs/platforms.md");
const passed = totals.passed + results.filter(Boolean).length;
const failed = totals.failed + results.filter((ok) => !ok).length;
console.log(`${passed} passed, ${failed} failed, ${totals.skipped} skipped`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;

/**
 * Runs lint, types, dead code and all tests, and closes with "N passed, N failed".
 *
 * What drives a real kernel waits for about half of its time; the checks, and then what runs anywhere, compute. They run
 * side by side, and the latter take what processor time the former leaves.
 *
 * A noisy machine may starve a test that drives a real kernel, so files that failed are run once more, alone, and that
 * is said. A leak is never run again: a policy that leaks sometimes is a policy that leaks.
 */
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";
import { buildPackage } from "../test/support/built-package.ts";

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
/** Weighs a third of an ordinary process: it yields, and is not starved. */
const NICENESS = 5;
const MOST_PRINTED = 64 * 1024 * 1024;
const folder = mkdtempSync(join(tmpdir(), "awg-test-results-"));
const filters = process.argv.slice(2);
/** What the tests of the built program start; each file builds its own where it could not be built, and says why. */
const built = filters.length > 0 ? undefined : build();
const environment = {
  ...process.env,
  // Of a start of the sources, two thirds of the processor time is compiling: node keeps what it compiled there.
  NODE_COMPILE_CACHE: join(folder, "compiled"),
  ...(built === undefined ? {} : { AWG_BUILT: built }),
};

function build(): string | undefined {
  console.log("── build");
  try {
    return buildPackage();
  } catch (error) {
    console.log(String(error));
    return undefined;
  }
}

function runCheck(name: string, argv: readonly string[]): boolean {
  const words = ["-n", `${NICENESS}`, ...argv];
  const { status, stdout, stderr } = spawnSync("nice", words, { maxBuffer: MOST_PRINTED });
  process.stdout.write(Buffer.concat([Buffer.from(`── ${name}\n`), stdout, stderr]));
  if (status !== 0) console.log(`${name} failed`);
  return status === 0;
}

/** Runs vitest; one that is given a place beside another yields to it, and is printed whole when it ends. */
async function runVitest(
  run: string,
  args: readonly string[],
  isBeside = false,
): Promise<readonly FileResult[] | undefined> {
  const report = join(folder, `${run}.json`);
  const reporters = ["--reporter=default", "--reporter=json", `--outputFile.json=${report}`];
  const words = ["vitest", "run", ...(filters.length > 0 ? ["--passWithNoTests"] : []), ...reporters, ...args];
  const [program = "", ...rest] = isBeside ? ["nice", "-n", `${NICENESS}`, ...words] : words;
  const output = isBeside ? "pipe" : "inherit";
  const child = spawn(program, rest, { stdio: ["ignore", output, output], env: environment });
  const printed: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr]) stream?.on("data", (chunk: Buffer) => printed.push(chunk));
  await once(child, "close");
  process.stdout.write(Buffer.concat(printed));
  try {
    const { testResults } = JSON.parse(readFileSync(report, "utf8")) as { testResults: FileResult[] };
    if (child.exitCode === 0 || testResults.some(hasFailed)) return testResults;
    console.log(`vitest failed beside the tests of ${run}: an error that no test caught`);
    return undefined;
  } catch {
    console.log(`vitest left no report of ${run}`);
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

async function runTests(filters: readonly string[]): Promise<Totals> {
  const [kernel, anywhere] = await Promise.all([
    runVitest("linux", ["--project=linux", ...filters]),
    runBeside(filters),
  ]);
  if (kernel === undefined || anywhere === undefined) return { passed: 0, failed: 1, skipped: 0 };
  const first = [...kernel, ...anywhere];
  const again = first.filter((file) => hasFailed(file) && !leaked(file));
  if (again.length === 0 || again.length > 12) return count(first);
  const names = again.map((file) => relative(process.cwd(), file.name));
  console.log(`── failed, running once more, alone: ${names.join(", ")}`);
  const second = (await runVitest("again", names)) ?? again;
  const repeated = new Map(second.map((file) => [file.name, file]));
  for (const file of again) {
    if (!hasFailed(repeated.get(file.name) ?? file))
      console.log(`passed on the second run: ${relative(process.cwd(), file.name)}`);
  }
  return count(first.map((file) => repeated.get(file.name) ?? file));
}

/** The checks, and then what runs anywhere. */
function runBeside(filters: readonly string[]): Promise<readonly FileResult[] | undefined> {
  if (filters.length === 0) for (const [name, argv] of checks) results.push(runCheck(name, argv));
  return runVitest("anywhere", ["--project=anywhere", ...filters], true);
}

const checks: readonly (readonly [string, readonly string[]])[] = [
  ["lint", ["biome", "check", "--max-diagnostics=50", "."]],
  ["types", ["tsc", "--noEmit"]],
  ["types of the dashboard", ["tsc", "--noEmit", "-p", "web"]],
  ["dead code", ["knip"]],
];
const results: boolean[] = [];
const totals = await runTests(filters);
for (const made of [folder, built]) if (made !== undefined) rmSync(made, { recursive: true, force: true });
const passed = totals.passed + results.filter(Boolean).length;
const failed = totals.failed + results.filter((ok) => !ok).length;
console.log(`${passed} passed, ${failed} failed, ${totals.skipped} skipped`);
process.exitCode = failed === 0 && passed > 0 ? 0 : 1;

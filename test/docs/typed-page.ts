import { spawnSync } from "node:child_process";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect } from "vitest";

const ROOT = join(import.meta.dirname, "..", "..");
/** Set to have the outputs in the pages replaced by those of this run. */
const UPDATES = process.env["AWG_UPDATE_PAGES"] === "1";
const END = "---- end of block ";

/** One block of commands, with the output that the page shows for it. */
export interface Step {
  readonly commands: string;
  readonly output: string | undefined;
}

interface Ran {
  readonly output: string;
  readonly exit: number;
}

/** The blocks of a page that a reader types, each with the ```text block that follows it before the next one. */
export function stepsOf(page: string): readonly Step[] {
  const blocks = [...page.matchAll(/```(sh|text)\n([\s\S]*?)```/g)];
  return blocks.flatMap(([, kind, body = ""], index) => {
    if (kind !== "sh") return [];
    const next = blocks[index + 1];
    return [{ commands: body, output: next?.[1] === "text" ? next[2] : undefined }];
  });
}

/**
 * Types a page word for word into one shell that starts in the repository, and compares what it prints.
 * A block without a shown output must succeed.
 *
 * @param inside command that runs the shell, such as unshare(1) with its flags
 */
export function typePage(path: string, inside: readonly string[] = []): void {
  const page = readFileSync(join(ROOT, path), "utf8");
  const steps = stepsOf(page);
  const ran = typeSteps(steps, inside);
  if (UPDATES) {
    writeFileSync(join(ROOT, path), updated(page, steps, ran));
    return;
  }
  for (const [index, { commands, output }] of steps.entries()) {
    const done = ran[index];
    expect(done, `the shell ended before:\n${commands}`).toBeDefined();
    if (output === undefined) expect(done?.exit, `${commands}\n${done?.output}`).toBe(0);
    else expectShown(done?.output ?? "", output, commands);
  }
}

function typeSteps(steps: readonly Step[], inside: readonly string[]): readonly Ran[] {
  const script = steps.map(({ commands }) => `${commands}\nprintf '%s%s\\n' '${END}' $?\n`).join("");
  const [program = "sh", ...argv] = [...inside, "sh", "-c", `exec 2>&1; ${script}`];
  const environment = { ...process.env, NO_COLOR: "1", COLUMNS: "80" };
  const { stdout } = spawnSync(program, argv, { cwd: ROOT, encoding: "utf8", timeout: 280_000, env: environment });
  const ended = new RegExp(`([\\s\\S]*?)${END}(\\d+)\n`, "g");
  return [...stdout.matchAll(ended)].map(([, output = "", exit]) => ({ output, exit: Number(exit) }));
}

/** Compares line by line, without empty lines; a line of "…" alone stands for any number of lines. */
function expectShown(output: string, shown: string, commands: string): void {
  const [now, then] = [lines(output), lines(shown)];
  const pattern = then.map((line) => (line.trim() === "…" ? "(?:.*\n)*?" : `${escaped(line)}\n`)).join("");
  if (!new RegExp(`^${pattern}$`).test(`${now.join("\n")}\n`)) expect(now, commands).toEqual(then);
}

function lines(text: string): readonly string[] {
  return variable(text)
    .split("\n")
    .filter((line) => line !== "");
}

function updated(page: string, steps: readonly Step[], ran: readonly Ran[]): string {
  return steps.reduce((text, { output, commands }, index) => {
    const now = ran[index]?.output.replace(/^\n+|\n+$/g, "");
    if (output === undefined || now === undefined || output.split("\n").some((line) => line.trim() === "…"))
      return text;
    const at = text.indexOf(output, text.indexOf(commands));
    if (variable(output).trim() === variable(now).trim()) return text;
    return `${text.slice(0, at)}${now}\n${text.slice(at + output.length)}`;
  }, page);
}

const VARIABLE: readonly (readonly [RegExp, string])[] = [
  [/^(?:installing packages from the npm registry …|added \d+ packages.*|up to date in .*)\n/gm, ""],
  // Amounts of other lengths end a line elsewhere.
  [/(\S{8}… .*|kill switch on; .*)\n {6,}(?![ \S]*: )/g, "$1 "],
  [/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{3})?Z/g, "TIME"],
  [/\b\d+(?:\.\d+)? (?:ms|s|min|B|KiB|hours?|minutes?|seconds?)\b/g, "AMOUNT"],
  [/time=[\d.]+ ms|time \d+ms/g, "time"],
  [/^rtt .*$/gm, "rtt"],
  [/loss [\d.]+ % of \d+/g, "loss"],
  [/\bof \d+ packets?\b/g, "packets"],
  [/\S{8}…(?=[ :])/g, "KEY…"],
  [/\(\d+ classes of packets\)/g, "(classes of packets)"],
  [/\b(?=\d*[a-f])[0-9a-f]{12}\b/g, "HASH"],
  [/handle \d+/g, "handle"],
  [/\b\d+ (?:s|min|h|days) ago/g, "TIME ago"],
  [/\buid \d+/g, "uid"],
  // Whether the host has the user awg.
  [/(enforced +kill switch on).*$/gm, "$1"],
  [/process \d+|pid \d+/g, "process"],
  [/\/tmp\/[\w./-]+/g, "FOLDER"],
  [/ +$/gm, ""],
];

/** A text with all that differs from run to run replaced by words. */
function variable(text: string): string {
  return VARIABLE.reduce((result, [pattern, word]) => result.replace(pattern, word), text);
}

function escaped(line: string): string {
  return line.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

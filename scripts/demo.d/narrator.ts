import { spawnSync } from "node:child_process";
import { PLAIN_WIDTH, wrapText } from "../../src/model/text/wrap.ts";

const colored = process.stdout.isTTY === true && process.env["NO_COLOR"] === undefined;
const paint = (code: number) => (text: string) => (colored ? `\u001b[${code}m${text}\u001b[0m` : text);
const bold = paint(1);
const dim = paint(2);
const green = paint(32);
const red = paint(31);

/** What a command of the story left. */
export interface Outcome {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

const commandLimitMs = 60_000;

const columnsBehindBar = PLAIN_WIDTH - "   │ ".length;

/** Runs a program without showing it. */
export function quietly(argv: readonly string[], input = "", env = process.env): Outcome {
  const [program = "", ...rest] = argv;
  const done = spawnSync(program, rest, { input, env, encoding: "utf8", timeout: commandLimitMs, maxBuffer: 64 << 20 });
  const stderr = done.error === undefined ? done.stderr : `${done.stderr ?? ""}${done.error.message}`;
  return { status: done.status ?? 255, stdout: done.stdout ?? "", stderr };
}

/** Tells the story on the terminal and keeps count of what held. */
export class Narrator {
  private readonly failures: string[] = [];
  private readonly hidden: string;
  private readonly begunAtMs = performance.now();
  private held = 0;
  private chapters = 0;

  /** @param folder where the demo's files lie; it is left out of what is shown */
  constructor(folder: string) {
    this.hidden = `${folder}/`;
  }

  title(text: string, under: string): void {
    console.log(`\n${bold(text)}\n${dim(under)}`);
  }

  chapter(text: string): void {
    this.chapters += 1;
    console.log(`\n${bold(`${this.chapters}  ${text}`)}`);
  }

  /** Text that belongs to the story, whole, so that it can be copied: a config. */
  quote(text: string): void {
    for (const line of text.trimEnd().split("\n")) console.log(dim(`   │ ${line}`));
  }

  /** Shows a command as a person would type it, runs it, and shows what it printed, both streams as one. */
  show(shown: string, argv: readonly string[], most = 40): Outcome {
    console.log(`   ${green("$")} ${shown}`);
    const env = { ...process.env, COLUMNS: `${columnsBehindBar}` };
    const outcome = quietly(["sh", "-c", 'exec "$@" 2>&1', "sh", ...argv], "", env);
    const lines = outcome.stdout.replaceAll(this.hidden, "").trimEnd().split("\n");
    for (const line of lines.slice(0, most)) if (lines.length > 1 || line !== "") this.bar(line);
    if (lines.length > most) console.log(`   ${dim(`│ … ${lines.length - most} lines more`)}`);
    return outcome;
  }

  /** A line that a command printed, within 80 columns. */
  private bar(line: string): void {
    for (const part of wrapText(line, columnsBehindBar, 4).split("\n")) console.log(`   ${dim("│")} ${part}`);
  }

  /** One thing that must be so; a failure is shown with its facts, and the story goes on to clean up. */
  check(claim: string, holds: boolean, facts = ""): void {
    console.log(`   ${holds ? green("✓") : red("✗")} ${claim}`);
    if (holds) {
      this.held += 1;
      return;
    }
    this.failures.push(claim);
    if (facts !== "") for (const line of facts.trimEnd().split("\n").slice(0, 30)) console.log(red(`     ${line}`));
  }

  /** The last line; gives the exit code. */
  end(): number {
    const seconds = ((performance.now() - this.begunAtMs) / 1000).toFixed(1);
    if (this.failures.length === 0) {
      console.log(`\n${green(bold(`All ${this.held} checks hold.`))} ${dim(`${seconds} s`)}\n`);
      return 0;
    }
    const names = this.failures.map((claim) => `  ✗ ${claim}`).join("\n");
    console.log(
      `\n${red(bold(`${this.failures.length} of ${this.held + this.failures.length} checks failed:`))}\n${names}\n`,
    );
    return 1;
  }
}

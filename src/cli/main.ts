import { AwgError, messageOf, restoredNote } from "../model/error.ts";
import { nameHostAs } from "./commands-here.ts";
import type { DocumentOf } from "./documents/documents.ts";
import { printEvent } from "./event-stream.ts";
import { EXIT, type ExitCode, exitCodeOf } from "./exit-code.ts";
import { parsePlainly } from "./plain-options.ts";
import { runVerb } from "./run-verb.ts";
import { type NameHost, type ProcessTerminal, processTerminal, type Terminal } from "./terminal.ts";
import { ENTERED_NETNS, GLOBAL_OPTIONS } from "./verb-options.ts";
import { VERBS } from "./verbs.ts";
import { printDocument } from "./views/json.ts";
import { styleFor } from "./views/style.ts";

/**
 * Runs one command line. Whatever is thrown becomes one sentence on stderr and its exit code; a stack trace only with
 * --debug.
 * @param argv what follows the program's name
 */
export async function runCommandLine(argv: readonly string[], environment: NodeJS.ProcessEnv): Promise<ExitCode> {
  const terminal = processTerminal(environment, !argv.includes("--no-color"), nameHostAs(argv, environment));
  try {
    const namespace = namespaceOf(argv);
    if (namespace !== undefined) return await becomeInside(namespace, argv, environment);
    const words = verbFirst(argv);
    return codeAsWritten(await dispatch(words, environment, terminal), words[0], terminal);
  } catch (error) {
    reportError(error, terminal, argv.includes("--debug"));
    writeErrorForPrograms(error, argv, terminal);
    return exitCodeOf(error);
  }
}

/**
 * A verb with the purpose of output fails if its output is lost; the wg tool's exits with its one code. A verb with an
 * effect has succeeded.
 */
function codeAsWritten(code: ExitCode, name: string | undefined, terminal: ProcessTerminal): ExitCode {
  const { unwritten } = terminal;
  const verb = VERBS.find((one) => one.name === name);
  if (unwritten === undefined || verb?.acts === true) return code;
  terminal.err(`${styleFor(terminal.colorErr).red("awg:")} the output could not be written: ${messageOf(unwritten)}`);
  return verb?.isRaw === true ? EXIT.differences : EXIT.unwritten;
}

/** The value of --netns; what runs inside is given none. */
function namespaceOf(argv: readonly string[]): string | undefined {
  const index = argv.indexOf("--netns");
  const joined = argv.find((word) => word.startsWith("--netns="));
  return joined?.slice("--netns=".length) ?? (index === -1 ? undefined : (argv[index + 1] ?? ""));
}

/** Runs the same command line without --netns inside the namespace, before it reads anything else. */
async function becomeInside(name: string, argv: readonly string[], environment: NodeJS.ProcessEnv): Promise<never> {
  const { becomeInNamespace } = await import("../compose/processes.ts");
  const index = argv.indexOf("--netns");
  const rest = argv.filter(
    (word, at) => !word.startsWith("--netns=") && (index === -1 || (at !== index && at !== index + 1)),
  );
  const command = [process.execPath, ...process.execArgv, process.argv[1] ?? "awg", ...rest];
  return becomeInNamespace({ name, command, environment: { ...environment, [ENTERED_NETNS]: name } });
}

function reportError(error: unknown, terminal: Terminal, debug: boolean): void {
  const style = styleFor(terminal.colorErr);
  const internal = !(error instanceof AwgError) || error.kind === "bug";
  const hint = internal
    ? "; this is a bug in awg, please report it with the output of the same command and --debug"
    : "";
  terminal.err(`${style.red("awg:")} ${messageOf(error)}${hint}`);
  const restored = restoredNote(error);
  if (restored !== undefined) terminal.err(`note: ${restored}`);
  if (debug && error instanceof Error) terminal.err(error.stack ?? "");
}

/** A program that reads JSON gets the error as JSON, too; text and code come from the same object (law 9). */
function writeErrorForPrograms(thrown: unknown, argv: readonly string[], terminal: Terminal): void {
  const error = errorFieldsOf(thrown, terminal.nameHost);
  if (argv.includes("--json-stream")) printEvent(terminal, { type: "error", error });
  else if (argv.includes("--json")) printDocument(terminal, "error", { formatVersion: "1", error });
}

function errorFieldsOf(error: unknown, nameHost: NameHost = (text) => text): DocumentOf<"error">["error"] {
  const { kind, facts, remedy } = error instanceof AwgError ? error : { kind: "bug", facts: {}, remedy: undefined };
  const message = nameHost(error instanceof Error ? error.message : String(error));
  return {
    kind,
    message,
    ...(remedy === undefined ? {} : { remedy: nameHost(remedy) }),
    facts,
    exitCode: exitCodeOf(error),
  };
}

/** Moves options before the verb behind it: `awg --netns lab diff` reads like `awg diff --netns lab`. */
function verbFirst(argv: readonly string[]): readonly string[] {
  const takesValue = new Set(
    GLOBAL_OPTIONS.filter(({ flags }) => flags.includes("<")).map(({ flags }) => flags.split(" ")[0]),
  );
  for (let index = 0; index < argv.length; index += 1) {
    const word = argv[index] ?? "";
    if (takesValue.has(word)) index += 1;
    else if (!word.startsWith("-")) return [word, ...argv.slice(0, index), ...argv.slice(index + 1)];
  }
  return argv;
}

/** Help, mistakes and everything else that a plain command line is not are commander's, loaded for them alone. */
async function dispatch(
  argv: readonly string[],
  environment: NodeJS.ProcessEnv,
  terminal: Terminal,
): Promise<ExitCode> {
  const plain = parsePlainly(argv, VERBS, GLOBAL_OPTIONS);
  const context = { terminal, environment, verbs: VERBS, globalOptions: GLOBAL_OPTIONS };
  if (plain === undefined) {
    const { runByCommander } = await import("./commander-program.ts");
    return runByCommander(argv, context);
  }
  return runVerb(plain.verb, { ...context, options: plain.options, args: plain.args });
}

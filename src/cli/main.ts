import { Command, CommanderError, Option } from "commander";
import { AwgError, messageOf } from "../model/error.ts";
import { EXIT, type ExitCode, exitCodeOf } from "./exit-code.ts";
import { processTerminal, type Terminal } from "./terminal.ts";
import type { OptionDefinition, OptionValues, VerbDefinition } from "./verb.ts";
import { GLOBAL_OPTIONS, VERBS } from "./verbs.ts";
import { styleFor } from "./views/style.ts";

/**
 * Runs one command line. Whatever is thrown becomes one sentence on stderr and its exit code; a stack trace only with
 * --debug.
 * @param argv what follows the program's name
 */
export async function runCommandLine(argv: readonly string[], environment: NodeJS.ProcessEnv): Promise<ExitCode> {
  const terminal = processTerminal(environment, !argv.includes("--no-color"));
  try {
    const namespace = namespaceOf(argv);
    if (namespace !== undefined) return await runInside(namespace, argv, environment);
    return await dispatch(verbFirst(argv), environment, terminal);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.success : EXIT.usage;
    reportError(error, terminal, argv.includes("--debug"));
    return exitCodeOf(error);
  }
}

/** The value of --netns; the process that runs inside is given none. */
function namespaceOf(argv: readonly string[]): string | undefined {
  const index = argv.indexOf("--netns");
  const joined = argv.find((word) => word.startsWith("--netns="));
  return joined?.slice("--netns=".length) ?? (index === -1 ? undefined : (argv[index + 1] ?? ""));
}

/** Runs the same command line without --netns inside the namespace, before anything else is looked at. */
async function runInside(name: string, argv: readonly string[], environment: NodeJS.ProcessEnv): Promise<ExitCode> {
  const { runInNamespace } = await import("../compose/netns.ts");
  const index = argv.indexOf("--netns");
  const rest = argv.filter(
    (word, at) => !word.startsWith("--netns=") && (index === -1 || (at !== index && at !== index + 1)),
  );
  const command = [process.execPath, ...process.execArgv, process.argv[1] ?? "awg", ...rest];
  return (await runInNamespace({ name, command, environment })) as ExitCode;
}

function reportError(error: unknown, terminal: Terminal, debug: boolean): void {
  const style = styleFor(terminal.colorErr);
  const internal = !(error instanceof AwgError) || error.kind === "bug";
  const hint = internal
    ? "; this is a bug in awg, please report it with the output of the same command and --debug"
    : "";
  terminal.err(`${style.red("awg:")} ${messageOf(error)}${hint}`);
  if (debug && error instanceof Error) terminal.err(error.stack ?? "");
}

/** Moves options that stand before the verb behind it: `awg --netns lab diff` reads like `awg diff --netns lab`. */
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

async function dispatch(
  argv: readonly string[],
  environment: NodeJS.ProcessEnv,
  terminal: Terminal,
): Promise<ExitCode> {
  let code: ExitCode = EXIT.success;
  const program = newProgram(terminal);
  const wanted = VERBS.find(({ name }) => name === argv[0]);
  for (const verb of wanted === undefined ? VERBS : [wanted]) {
    addVerb(program, verb, async (options, args) => {
      const { run } = await verb.load();
      code = await run({ options, args, terminal, environment, verbs: VERBS, globalOptions: GLOBAL_OPTIONS });
    });
  }
  if (argv.length === 0) {
    terminal.out(program.helpInformation().trimEnd());
    return EXIT.usage;
  }
  await program.parseAsync([...argv], { from: "user" });
  return code;
}

function newProgram(terminal: Terminal): Command {
  return new Command("awg")
    .description("Infrastructure as code for this machine's network path: tunnels, kill switch, DNS, routes.")
    .version("awg", "-V, --version", "print the version (see awg version)")
    .exitOverride()
    .showSuggestionAfterError()
    .showHelpAfterError("(awg --help lists the verbs, awg VERB --help explains one)")
    .configureOutput({
      writeOut: (text) => terminal.out(text.trimEnd()),
      writeErr: (text) => terminal.err(text.trimEnd()),
    });
}

function addVerb(
  program: Command,
  verb: VerbDefinition,
  action: (options: OptionValues, args: string[]) => Promise<void>,
): void {
  const command = program.command(verb.name, { hidden: verb.hidden === true });
  command
    .description(verb.details === undefined ? verb.summary : `${verb.summary}\n${verb.details}`)
    .summary(verb.summary);
  command.exitOverride();
  if (verb.argument !== undefined) {
    const { name, summary, required } = verb.argument;
    command.argument(required === true ? `<${name}>` : `[${name}]`, summary);
  }
  for (const option of [...verb.options, ...GLOBAL_OPTIONS]) command.addOption(commanderOption(option));
  if (verb.examples.length > 0) command.addHelpText("after", examplesText(verb));
  command.action(async (...received: unknown[]) => {
    const values = command.opts() as OptionValues;
    const args = received.filter((one): one is string => typeof one === "string");
    await action(values, args);
  });
}

function commanderOption({ flags, summary, repeatable, choices }: OptionDefinition): Option {
  const option = new Option(flags, summary);
  if (repeatable === true)
    option.argParser((value: string, previous: string[] | undefined) => [...(previous ?? []), value]);
  if (choices !== undefined) option.choices([...choices]);
  return option;
}

function examplesText({ examples }: VerbDefinition): string {
  const lines = examples.map(([line, what]) => `  $ ${line}\n      ${what}`);
  return `\nExamples:\n${lines.join("\n")}`;
}

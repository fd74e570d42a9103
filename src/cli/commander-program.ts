import { Command, CommanderError, Option } from "commander";
import { VERSION } from "../model/version.ts";
import { EXIT, type ExitCode } from "./exit-code.ts";
import { VERB_GROUPS } from "./help/verb-groups.ts";
import { runVerb } from "./run-verb.ts";
import type { Terminal } from "./terminal.ts";
import {
  type OptionDefinition,
  type OptionValues,
  offeredOptions,
  type VerbCall,
  type VerbDefinition,
} from "./verb.ts";

/**
 * Runs a command line as commander reads it: help, did-you-mean, every mistake with its sentence. Whatever the verb
 * throws passes through; what commander refuses is usage (64).
 */
export async function runByCommander(
  argv: readonly string[],
  context: Omit<VerbCall, "options" | "args">,
): Promise<ExitCode> {
  const { terminal, verbs, globalOptions } = context;
  let code: ExitCode = EXIT.success;
  const program = newProgram(terminal);
  const wanted = verbs.find(({ name }) => name === argv[0]);
  for (const verb of wanted === undefined ? verbs : [wanted]) {
    addVerb(program, verb, globalOptions, async (options, args) => {
      code = await runVerb(verb, { ...context, options, args });
    });
  }
  if (argv.length === 0) {
    terminal.out(program.helpInformation().trimEnd());
    return EXIT.usage;
  }
  try {
    await program.parseAsync(withoutHelpOfNothing(argv, wanted), { from: "user" });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return error.exitCode === 0 ? EXIT.success : EXIT.usage;
  }
  return code;
}

/** The help of a verb that there is not would be the program's, as if all were well; without the option it is a mistake. */
function withoutHelpOfNothing(argv: readonly string[], verb: VerbDefinition | undefined): string[] {
  const isVerb = verb !== undefined || argv[0]?.startsWith("-") !== false || argv[0] === "help";
  return argv.filter((word) => isVerb || (word !== "--help" && word !== "-h"));
}

function newProgram(terminal: Terminal): Command {
  return new Command("awg")
    .description("Declare the network path of this host: tunnels, kill switch, DNS, rules.")
    .usage("VERB [options]")
    .version(`awg ${VERSION}`, "-V, --version", "print the version")
    .addHelpText("after", "\nRun awg VERB --help for the options and examples of a verb.")
    .configureHelp({ subcommandTerm: (command) => command.name() })
    .addHelpCommand(
      new Command("help").argument("[verb]").description("print the help of a verb").helpGroup("Install and run:"),
    )
    .helpOption("-h, --help", "print this help")
    .exitOverride()
    .showSuggestionAfterError()
    .showHelpAfterError("(awg --help lists the verbs)")
    .configureOutput({
      writeOut: (text) => terminal.out(text.trimEnd()),
      writeErr: (text) => terminal.err(text.trimEnd()),
      getOutHelpWidth: () => terminal.columns,
      getErrHelpWidth: () => terminal.columns,
    });
}

function sentence(summary: string): string {
  return `${summary.charAt(0).toUpperCase()}${summary.slice(1)}.`;
}

function addVerb(
  program: Command,
  verb: VerbDefinition,
  globalOptions: readonly OptionDefinition[],
  action: (options: OptionValues, args: string[]) => Promise<void>,
): void {
  const command = program.command(verb.name, { hidden: verb.hidden === true });
  command
    .description(verb.details === undefined ? sentence(verb.summary) : `${sentence(verb.summary)}\n\n${verb.details}`)
    .summary(verb.summary)
    .helpGroup(groupOf(verb.name));
  command
    .exitOverride()
    .helpOption("-h, --help", "print this help")
    .showHelpAfterError(`(awg ${verb.name} --help lists its options)`);
  if (verb.argument !== undefined) {
    const { name, summary, required, variadic } = verb.argument;
    const word = variadic === true ? `${name}...` : name;
    command.argument(required === true ? `<${word}>` : `[${word}]`, summary);
  }
  const offered = offeredOptions(verb, globalOptions);
  const options = verb.isRaw === true ? verb.options : [...verb.options, ...globalOptions];
  for (const option of options) command.addOption(commanderOption(option).hideHelp(!offered.includes(option)));
  if (verb.examples.length > 0) command.addHelpText("after", examplesText(verb));
  command.action(async (...received: unknown[]) => {
    const values = command.opts() as OptionValues;
    const args = received
      .flatMap((one) => (Array.isArray(one) ? (one as unknown[]) : [one]))
      .filter((one): one is string => typeof one === "string");
    await action(values, args);
  });
}

function groupOf(name: string): string {
  return `${VERB_GROUPS.find(({ verbs }) => verbs.includes(name))?.title ?? "Other"}:`;
}

function commanderOption({ flags, summary, repeatable, choices }: OptionDefinition): Option {
  const option = new Option(flags, repeatable === true ? `${summary} (repeatable)` : summary);
  if (repeatable === true)
    option.argParser((value: string, previous: string[] | undefined) => [...(previous ?? []), value]);
  if (choices !== undefined) option.choices([...choices]);
  return option;
}

function examplesText({ examples }: VerbDefinition): string {
  const lines = examples.map(([line, what]) => `  $ ${line}\n      ${what}`);
  return `\nExamples:\n${lines.join("\n")}`;
}

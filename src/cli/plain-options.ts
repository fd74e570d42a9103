import type { OptionDefinition, OptionValues, VerbDefinition } from "./verb.ts";

export interface PlainCommandLine {
  readonly verb: VerbDefinition;
  readonly options: OptionValues;
  readonly args: readonly string[];
}

interface KnownOption {
  /** camelCase, as commander names it. */
  readonly name: string;
  readonly definition: OptionDefinition;
  readonly takesValue: boolean;
}

/**
 * Reads a plain command line: a verb, options of its table spelled whole (`-f x`, `--file x`, `--file=x`), and at most
 * one argument. Gives undefined for all else (help, mistakes, joined short options), which commander then reads from
 * the same table. To load commander costs more than most verbs take to plan.
 */
export function parsePlainly(
  argv: readonly string[],
  verbs: readonly VerbDefinition[],
  globalOptions: readonly OptionDefinition[],
): PlainCommandLine | undefined {
  const verb = verbs.find(({ name }) => name === argv[0]);
  if (verb === undefined) return undefined;
  if (verb.isRaw === true) return isHelp(argv) ? undefined : { verb, options: {}, args: argv.slice(1) };
  const known = optionsByWord([...verb.options, ...globalOptions]);
  const options: Record<string, string | boolean | readonly string[]> = {};
  const args: string[] = [];
  for (let index = 1; index < argv.length; index += 1) {
    const word = argv[index] as string;
    if (!word.startsWith("-") || word === "-") {
      args.push(word);
      continue;
    }
    const split = word.startsWith("--") ? word.indexOf("=") : -1;
    const option = known.get(split === -1 ? word : word.slice(0, split));
    if (option === undefined || (split !== -1 && !option.takesValue)) return undefined;
    if (option.takesValue && split === -1) index += 1;
    const value = option.takesValue ? (split === -1 ? argv[index] : word.slice(split + 1)) : true;
    if (!isPlainValue(value, option)) return undefined;
    const repeats = option.definition.repeatable === true && value !== true;
    options[option.name] = repeats ? [...listOf(options[option.name]), value] : value;
  }
  const { argument } = verb;
  const most = argument === undefined ? 0 : argument.variadic === true ? Number.POSITIVE_INFINITY : 1;
  const isComplete = args.length <= most && (argument?.required !== true || args.length > 0);
  return isComplete ? { verb, options, args } : undefined;
}

function isHelp(argv: readonly string[]): boolean {
  return argv.length === 2 && (argv[1] === "--help" || argv[1] === "-h");
}

/** A value in its place that looks like no option, and is one of the choices if there are any. */
function isPlainValue(value: string | true | undefined, { definition }: KnownOption): value is string | true {
  if (value === true) return true;
  if (value === undefined || value === "" || (value.startsWith("-") && value !== "-")) return false;
  return definition.choices?.includes(value) ?? true;
}

function listOf(value: string | boolean | readonly string[] | undefined): readonly string[] {
  return typeof value === "object" ? value : [];
}

function optionsByWord(definitions: readonly OptionDefinition[]): ReadonlyMap<string, KnownOption> {
  const known = new Map<string, KnownOption>();
  for (const definition of definitions) {
    const words = definition.flags.split(/[ ,]+/);
    const long = words.find((word) => word.startsWith("--")) ?? "";
    const option = { name: camelCase(long.slice(2)), definition, takesValue: definition.flags.includes("<") };
    for (const word of words) if (word.startsWith("-")) known.set(word, option);
  }
  // commander gives `--no-x` the name x, false; and a flag with an optional value can be either.
  for (const [word, { definition }] of known) {
    if (definition.flags.includes("--no-") || definition.flags.includes("[")) known.delete(word);
  }
  return known;
}

function camelCase(name: string): string {
  return name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase());
}

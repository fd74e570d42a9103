import { type OptionDefinition, offeredOptions, type VerbDefinition } from "../../verb.ts";

/** Values of a place: a path, one of these words, or free text. */
export type Completable = "file" | "anything" | readonly string[];

export interface CompletableOption {
  /** As typed: "-f", "--file". */
  readonly flags: readonly string[];
  readonly summary: string;
  readonly repeatable: boolean;
  /** Undefined for a flag without a value. */
  readonly value?: Completable;
}

export interface CompletableVerb {
  readonly name: string;
  readonly summary: string;
  readonly options: readonly CompletableOption[];
  readonly argument: Completable;
}

const FILE_WORDS = new Set(["path", "file", "folder", "plan", "conf", "config"]);
const HOSTS = ["linux", "simulated"];

/** The listed verbs with what each of their places takes; read off the words that the help uses for them. */
export function completableVerbs(
  verbs: readonly VerbDefinition[],
  globalOptions: readonly OptionDefinition[],
): readonly CompletableVerb[] {
  return verbs
    .filter(({ hidden }) => hidden !== true)
    .map((verb) => ({
      name: verb.name,
      summary: verb.summary,
      options: offeredOptions(verb, globalOptions).map(completableOption),
      argument: verb.argument === undefined ? "anything" : (verb.argument.choices ?? byWord(verb.argument.name)),
    }));
}

function completableOption({ flags, summary, repeatable, choices }: OptionDefinition): CompletableOption {
  const word = /<([a-z]+)>/.exec(flags)?.[1];
  return {
    flags: flags.match(/(?<![\w-])--?[a-z][a-z-]*/g) ?? [],
    summary,
    repeatable: repeatable ?? false,
    ...(word === undefined ? {} : { value: choices ?? byWord(word) }),
  };
}

function byWord(word: string): Completable {
  if (word === "host") return HOSTS;
  return FILE_WORDS.has(word) ? "file" : "anything";
}

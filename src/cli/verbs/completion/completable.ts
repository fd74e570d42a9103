import { type OptionDefinition, offeredOptions, type VerbDefinition } from "../../verb.ts";

/** Values of a place: a path, one of these words, what a command prints, a line each, or free text. */
export type Completable = "file" | "anything" | readonly string[] | { readonly command: string };

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
/** Keys of the resources that awg owns; none for a person who may not read the host. No colon: zsh would split there. */
const KEYS = `awg get --json 2>/dev/null | grep -o '"key"."[^"]*' | cut -d'"' -f4`;
/** By the option, or by the word for an argument. */
const COMMANDS: Readonly<Record<string, string>> = {
  "--netns": "ip netns list 2>/dev/null | cut -d' ' -f1",
  "--target": KEYS,
  "--exclude": KEYS,
  "--replace": KEYS,
  resource: KEYS,
  tunnel: `${KEYS} | sed -n 's,^tunnel/,,p'`,
};
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
    ...(word === undefined ? {} : { value: choices ?? byWord(flags.split(" ")[0] ?? word, word) }),
  };
}

function byWord(place: string, word = place): Completable {
  if (word === "host") return HOSTS;
  const command = COMMANDS[place];
  if (command !== undefined) return { command };
  return FILE_WORDS.has(word) ? "file" : "anything";
}

import type { ExitCode } from "./exit-code.ts";
import type { Terminal } from "./terminal.ts";

/** Values of a verb's options by their camelCase name, as commander gives them. */
export type OptionValues = Readonly<Record<string, string | boolean | readonly string[] | undefined>>;

/** One call of a verb. */
export interface VerbCall {
  readonly options: OptionValues;
  readonly args: readonly string[];
  readonly terminal: Terminal;
  readonly environment: NodeJS.ProcessEnv;
  /** The command line itself, for the verb that writes completions. */
  readonly verbs: readonly VerbDefinition[];
  readonly globalOptions: readonly OptionDefinition[];
}

export type RunVerb = (call: VerbCall) => Promise<ExitCode>;

export interface OptionDefinition {
  /** As commander takes it: "-f, --file <path>". */
  readonly flags: string;
  readonly summary: string;
  readonly repeatable?: boolean;
  readonly choices?: readonly string[];
  /** It selects the host, or its state folder. */
  readonly ofMachine?: true;
}

/** What help, completion and the parser know of a verb; its code is loaded only when it runs. */
export interface VerbDefinition {
  readonly name: string;
  readonly argument?: {
    readonly name: string;
    readonly summary: string;
    readonly required?: boolean;
    /** It may be given several times. */
    readonly variadic?: boolean;
    /** The words it may be; for completion. */
    readonly choices?: readonly string[];
  };
  readonly summary: string;
  readonly details?: string;
  readonly options: readonly OptionDefinition[];
  /** Command line and what it does. */
  readonly examples: readonly (readonly [string, string])[];
  /** Its words are its own: none of them is read as an option, but for a lone --help. */
  readonly isRaw?: boolean;
  /** The verb counts by its effect: unwritten output is no failure. */
  readonly acts?: true;
  /** It uses files alone: options that select a host are accepted and not offered. */
  readonly readsNoHost?: true;
  /** Not listed in help. */
  readonly hidden?: boolean;
  readonly load: () => Promise<{ readonly run: RunVerb }>;
}

/** The text of an option that takes a value. */
export function textOption(call: VerbCall, name: string): string | undefined {
  const value = call.options[name];
  return typeof value === "string" ? value : undefined;
}

/** Every value of a repeatable option. */
export function listOption(call: VerbCall, name: string): readonly string[] {
  const value = call.options[name];
  return Array.isArray(value) ? (value as readonly string[]) : typeof value === "string" ? [value] : [];
}

/** Whether a flag was given. */
export function flagOption(call: VerbCall, name: string): boolean {
  return call.options[name] === true;
}

/** The options that help and completion offer of a verb. */
export function offeredOptions(
  verb: VerbDefinition,
  globalOptions: readonly OptionDefinition[],
): readonly OptionDefinition[] {
  if (verb.isRaw === true) return verb.options;
  return [...verb.options, ...globalOptions.filter(({ ofMachine }) => !(verb.readsNoHost && ofMachine))];
}

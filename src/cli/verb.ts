import { AwgError } from "../model/error.ts";
import type { ExitCode } from "./exit-code.ts";
import type { Terminal } from "./terminal.ts";

const LONGEST_MS = 24 * 3_600_000;
const MS_PER_UNIT: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000 };

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

/**
 * The milliseconds of an option such as `--timeout 25`, 25s, 2m or 1h; undefined if it is not given.
 *
 * @param flag as people write it, for the error
 * @throws AwgError usage for another text, or for more than a day
 */
export function timeOption(
  call: VerbCall,
  name: string,
  { flag, zero }: { flag: string; zero: string },
): number | undefined {
  const text = textOption(call, name);
  if (text === undefined) return undefined;
  const match = /^([0-9]+(?:\.[0-9]+)?)(s|m|h)?$/.exec(text.slice(0, 20));
  const ms = match === null ? Number.NaN : Math.round(Number(match[1]) * (MS_PER_UNIT[match[2] ?? "s"] ?? 0));
  if (ms >= 0 && ms <= LONGEST_MS) return ms;
  throw new AwgError("usage", `${flag} ${text} is not a time of at most 24h`, {
    remedy: `write 25, 25s, 2m or 1h; 0 ${zero}`,
  });
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

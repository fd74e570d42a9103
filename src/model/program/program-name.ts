import { printableLine } from "../text/printable.ts";
import type { Program } from "./program.ts";

/** Programs that run a script, by the names of their files ("python3.13"). */
const INTERPRETER =
  /^(?:node|nodejs|bun|deno|python|pypy|ruby|perl|php|lua|luajit|bash|dash|sh|zsh|ksh|fish|java|mono|tclsh)[0-9.-]*$/;
/** After these follows a program's text instead of a script: it may contain anything. */
const TEXT_OPTION = /^-(?:[A-Za-z]*[cepE]|-eval|-print|-command)$/;
const SCRIPT_ENDING = /\.(?:[cm]?[jt]s|py|rb|pl|php|lua|[a-z]*sh|jar|exe|tcl)$/;
const WORD = /^[\p{L}\p{N}._@+-]+$/u;
/** What Node calls every process of its own, by version. */
const ANY_NODE = ["MainThread", "node-MainThread"];
const MOST_CHARACTERS = 64;

/**
 * A process's name for people, on one line: its program's file and, for an interpreter, its script. No other argument
 * is shown, because arguments may contain secrets. Pure.
 */
export function programName({ name, path, commandLine }: Pick<Program, "name" | "path" | "commandLine">): string {
  if (typeof path !== "string") return shown(name);
  const file = baseName(path);
  if (!INTERPRETER.test(file)) return shown(file);
  const script = scriptOf(commandLine ?? []);
  if (script !== undefined) return shown(`${file} ${script}`);
  return shown(ANY_NODE.includes(name) ? file : name);
}

/**
 * The first argument, or the first after options with a script's extension; without one it may be an option's value.
 */
function scriptOf([, ...words]: readonly string[]): string | undefined {
  const at = words.findIndex((word) => !word.startsWith("-"));
  const script = baseName(words[at] ?? "");
  const isBehindText = words.slice(0, Math.max(at, 0)).some((word) => TEXT_OPTION.test(word));
  if (isBehindText || !WORD.test(script)) return undefined;
  return at === 0 || SCRIPT_ENDING.test(script) ? script : undefined;
}

function baseName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

function shown(text: string): string {
  const characters = [...printableLine(text)];
  return characters.length <= MOST_CHARACTERS
    ? characters.join("")
    : `${characters.slice(0, MOST_CHARACTERS).join("")}…`;
}

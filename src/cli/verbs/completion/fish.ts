import type { Completable, CompletableOption, CompletableVerb } from "./completable.ts";

/** A script for fish, to be sourced or kept as `completions/awg.fish`. */
export function fishScript(verbs: readonly CompletableVerb[]): string {
  return [
    "function __awg_verb",
    "  set -l words (commandline -opc)",
    '  test (count $words) -ge 2; and test "$words[2]" = "$argv[1]"',
    "end",
    "complete -c awg -f",
    ...verbs.flatMap(({ name, summary, options, argument }) => [
      `complete -c awg -n 'test (count (commandline -opc)) -eq 1' -a ${name} -d ${quoted(summary)}`,
      ...(argument === "anything" ? [] : [`complete -c awg -n '__awg_verb ${name}'${values(argument)}`]),
      ...options.map((option) => `complete -c awg -n '__awg_verb ${name}'${completed(option)}`),
    ]),
  ].join("\n");
}

function completed({ flags, summary, value }: CompletableOption): string {
  const spelled = flags.map((flag) => (flag.startsWith("--") ? ` -l ${flag.slice(2)}` : ` -s ${flag.slice(1)}`));
  return `${spelled.join("")}${value === undefined ? "" : required(value)} -d ${quoted(summary)}`;
}

function required(what: Completable): string {
  return `${what === "file" ? " -r" : " -x"}${values(what)}`;
}

function values(what: Completable): string {
  if (what === "file") return " -F";
  if (what === "anything") return "";
  return ` -a ${quoted("command" in what ? `(${what.command})` : what.join(" "))}`;
}

const quoted = (text: string): string => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;

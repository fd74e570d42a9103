import { AwgError } from "../../model/error.ts";
import { EXIT } from "../exit-code.ts";
import type { OptionDefinition, RunVerb, VerbDefinition } from "../verb.ts";

type Shell = "bash" | "zsh" | "fish";

/** `awg completion bash|zsh|fish`: a script made from the same table as the parser and the help. */
export const run: RunVerb = async ({ args, terminal, verbs, globalOptions }) => {
  const shell = args[0];
  if (shell !== "bash" && shell !== "zsh" && shell !== "fish") {
    throw new AwgError("usage", `no completion for the shell "${shell ?? ""}"`, { remedy: "say bash, zsh or fish" });
  }
  terminal.out(completionScript(shell, verbs, globalOptions));
  return EXIT.success;
};

/** The completion script of a shell. */
export function completionScript(
  shell: Shell,
  verbs: readonly VerbDefinition[],
  globalOptions: readonly OptionDefinition[],
): string {
  const words = verbs
    .filter(({ hidden }) => hidden !== true)
    .map((verb) => ({ ...verb, options: [...verb.options, ...globalOptions] }));
  return { bash: bashScript, zsh: zshScript, fish: fishScript }[shell](words);
}

const longFlag = ({ flags }: OptionDefinition): string => /--[a-z-]+/.exec(flags)?.[0] ?? "";
const takesValue = ({ flags }: OptionDefinition): boolean => flags.includes("<");

function bashScript(verbs: readonly VerbDefinition[]): string {
  const cases = verbs.map((verb) => `    ${verb.name}) words="${verb.options.map(longFlag).join(" ")} --help" ;;`);
  return `_awg() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}" words
  case "$previous" in
    -f|--file|--out|--state-dir) COMPREPLY=($(compgen -f -- "$current")); return ;;
    --host) COMPREPLY=($(compgen -W "linux simulated" -- "$current")); return ;;
    completion) COMPREPLY=($(compgen -W "bash zsh fish" -- "$current")); return ;;
  esac
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${verbs.map(({ name }) => name).join(" ")}" -- "$current")); return
  fi
  case "\${COMP_WORDS[1]}" in
${cases.join("\n")}
    *) words="" ;;
  esac
  case "$current" in
    -*) COMPREPLY=($(compgen -W "$words" -- "$current")) ;;
    *) COMPREPLY=($(compgen -f -- "$current")) ;;
  esac
}
complete -o filenames -F _awg awg`;
}

function zshScript(verbs: readonly VerbDefinition[]): string {
  const escaped = (text: string): string => text.replaceAll("'", "'\\''").replaceAll(/[[\]:]/g, "\\$&");
  const names = verbs.map(({ name, summary }) => `    '${name}:${escaped(summary)}'`);
  const cases = verbs.map((verb) => {
    const specs = verb.options.map(
      (option) => `'${longFlag(option)}[${escaped(option.summary)}]${takesValue(option) ? ":value:_files" : ""}'`,
    );
    return `    ${verb.name}) _arguments ${specs.join(" ")} '*:file:_files' ;;`;
  });
  return `#compdef awg
_awg() {
  local -a verbs
  verbs=(
${names.join("\n")}
  )
  if (( CURRENT == 2 )); then
    _describe 'verb' verbs
    return
  fi
  case "$words[2]" in
${cases.join("\n")}
  esac
}
compdef _awg awg`;
}

function fishScript(verbs: readonly VerbDefinition[]): string {
  const quote = (text: string): string => `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
  const lines = ["complete -c awg -f"];
  for (const verb of verbs) {
    lines.push(`complete -c awg -n __fish_use_subcommand -a ${verb.name} -d ${quote(verb.summary)}`);
    for (const option of verb.options) {
      const value = takesValue(option) ? " -r -F" : "";
      const condition = quote(`__fish_seen_subcommand_from ${verb.name}`);
      lines.push(`complete -c awg -n ${condition} -l ${longFlag(option).slice(2)}${value} -d ${quote(option.summary)}`);
    }
  }
  return lines.join("\n");
}

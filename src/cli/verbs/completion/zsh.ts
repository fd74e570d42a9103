import type { Completable, CompletableOption, CompletableVerb } from "./completable.ts";

/** A script for zsh's completion system: to be sourced after compinit, or kept as `_awg` in a folder of fpath. */
export function zshScript(verbs: readonly CompletableVerb[]): string {
  return `#compdef awg
_awg() {
  local -a verbs
  verbs=(
${verbs.map(({ name, summary }) => `    ${quoted(`${name}:${escaped(summary)}`)}`).join("\n")}
  )
  if (( CURRENT == 2 )); then
    _describe 'verb' verbs
    return
  fi
  shift words
  (( CURRENT-- ))
  case "$words[1]" in
${verbs.map(({ name, options, argument }) => `    ${name}) _arguments ${[...options.flatMap(specs), ...rest(argument)].join(" ")} ;;`).join("\n")}
  esac
}
if [[ "$funcstack[1]" == _awg ]]; then _awg "$@"; else compdef _awg awg; fi`;
}

/** One spec a spelling; the spellings of one option exclude each other unless it may be repeated. */
function specs({ flags, summary, repeatable, value }: CompletableOption): string[] {
  const before = repeatable ? "*" : flags.length > 1 ? `(${flags.join(" ")})` : "";
  const after = value === undefined ? "" : `:value:${action(value)}`;
  return flags.map((flag) => quoted(`${before}${flag}[${escaped(summary)}]${after}`));
}

/** A place without matches would show its description in front of every option's first match: it gets no spec. */
function rest(argument: Completable): string[] {
  return argument === "anything" ? [] : [quoted(`*:argument:${action(argument)}`)];
}

function action(what: Completable): string {
  if (what === "file") return "_files";
  if (what === "anything") return " ";
  return "command" in what ? `{compadd -- $(${what.command})}` : `(${what.join(" ")})`;
}

const escaped = (text: string): string => text.replaceAll(/[[\]:\\]/g, "\\$&");
const quoted = (text: string): string => `'${text.replaceAll("'", "'\\''")}'`;

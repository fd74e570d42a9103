import type { Completable, CompletableVerb } from "./completable.ts";

/** A script for bash's `complete -F`. */
export function bashScript(verbs: readonly CompletableVerb[]): string {
  return `_awg() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}"
  if [ "$COMP_CWORD" -eq 1 ]; then
    COMPREPLY=($(compgen -W "${verbs.map(({ name }) => name).join(" ")}" -- "$current")); return
  fi
  case "\${COMP_WORDS[1]} $previous" in
${values(verbs).join("\n")}
  esac
  case "\${COMP_WORDS[1]} $current" in
${verbs.map(({ name, options }) => `    "${name} -"*) COMPREPLY=($(compgen -W "${options.flatMap(({ flags }) => flags).join(" ")} --help" -- "$current")) ;;`).join("\n")}
${verbs.map(({ name, argument }) => `    "${name} "*) ${reply(argument)} ;;`).join("\n")}
  esac
}
complete -o filenames -F _awg awg`;
}

/** One branch per kind of value: the "verb flag" pairs that it follows. */
function values(verbs: readonly CompletableVerb[]): string[] {
  const places = new Map<string, string[]>();
  for (const { name, options } of verbs)
    for (const { flags, value } of options)
      if (value !== undefined) {
        const patterns = flags.map((flag) => `"${name} ${flag}"`);
        places.set(reply(value), [...(places.get(reply(value)) ?? []), ...patterns]);
      }
  return [...places].map(([what, patterns]) => `    ${patterns.join("|")}) ${what}; return ;;`);
}

function reply(what: Completable): string {
  if (what === "file") return 'COMPREPLY=($(compgen -f -- "$current"))';
  if (what === "anything") return "COMPREPLY=()";
  const words = "command" in what ? `$(${what.command})` : what.join(" ");
  return `COMPREPLY=($(compgen -W "${words}" -- "$current"))`;
}

import { AwgError } from "../../../model/error.ts";
import { EXIT } from "../../exit-code.ts";
import type { OptionDefinition, RunVerb, VerbDefinition } from "../../verb.ts";
import { bashScript } from "./bash.ts";
import { completableVerbs } from "./completable.ts";
import { fishScript } from "./fish.ts";
import { zshScript } from "./zsh.ts";

type Shell = "bash" | "zsh" | "fish";

/** `awg completion bash|zsh|fish`: a script made from the same table as the parser and the help. */
export const run: RunVerb = async ({ args, terminal, verbs, globalOptions }) => {
  const shell = args[0];
  if (shell !== "bash" && shell !== "zsh" && shell !== "fish") {
    throw new AwgError("usage", `unknown shell "${shell ?? ""}"`, { remedy: "use bash, zsh or fish" });
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
  return { bash: bashScript, zsh: zshScript, fish: fishScript }[shell](completableVerbs(verbs, globalOptions));
}

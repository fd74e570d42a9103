import { EXIT, exitCodeOf } from "../../src/cli/exit-code.ts";
import { ERROR_KIND_MEANING, EXIT_MEANING } from "../../src/cli/help/exit-meaning.ts";
import { AwgError, type ErrorKind } from "../../src/model/error.ts";
import { cell, code, generatedFrom, page, table } from "./markdown.ts";

/** The page of exit codes, and of the kinds of errors that lead to them. */
export function exitCodePage(): string {
  const codes = Object.entries(EXIT) as [keyof typeof EXIT, number][];
  const kinds = Object.entries(ERROR_KIND_MEANING) as [ErrorKind, string][];
  return page(
    generatedFrom("src/cli/exit-code.ts and help/exit-meaning.ts"),
    "# Exit codes",
    "This page is for authors of scripts. It lists the exit codes of every verb, and the kinds of errors in JSON documents.",
    table(
      ["code", "meaning"],
      codes.map(([name, number]) => [String(number), cell(EXIT_MEANING[name])]),
    ),
    "## Kinds of errors",
    "With `--json` a verb that fails prints an [error document](json.md). Its `error.kind` is one of these words.",
    table(
      ["kind", "exit code", "meaning"],
      kinds.map(([kind, meaning]) => [code(kind), String(exitCodeOf(new AwgError(kind, ""))), cell(meaning)]),
    ),
  );
}

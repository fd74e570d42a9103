import { existsSync } from "node:fs";
import type { OpenHost } from "../../../app/open-host.ts";
import { planConfig, planRollback } from "../../../app/plan/planner.ts";
import { AwgError } from "../../../model/error.ts";
import { isInSync } from "../../../model/plan.ts";
import { withConfigFiles } from "../../config-files.ts";
import { EXIT, type ExitCode } from "../../exit-code.ts";
import { loadConfigFor, openHostFor } from "../../open-host.ts";
import { selectionOf } from "../../selection.ts";
import { flagOption, listOption, type RunVerb, type VerbCall } from "../../verb.ts";
import { printDocument } from "../../views/json.ts";
import { printText } from "../../views/print-text.ts";
import { styleFor } from "../../views/style.ts";
import { diffDocument, differencesDocument, renderDiff, renderDifferences } from "./diff.human.ts";

const GENERATION = /^@([1-9][0-9]{0,14})$/;

/** `awg diff [CONFIG | @N [@M]]`: what differs, field by field; exit 1 when something does. */
export const run: RunVerb = async (asked) => {
  const isConfig = asked.args.length === 1 && asked.args.every(isConfigFile);
  const call = isConfig ? withConfigFiles(asked, asked.args) : asked;
  const numbers = call.args.map(readNumber);
  if (numbers.length > 2) {
    throw new AwgError("usage", `${numbers.length} generations cannot be compared`, { remedy: "name one or two" });
  }
  if (numbers.length > 0 && (listOption(call, "file").length > 0 || selectionOf(call) !== undefined)) {
    throw new AwgError("usage", "a generation is compared whole and without a config", {
      remedy: "leave out -f, --target, --exclude and --replace",
    });
  }
  await using host = await openHostFor(call, true);
  const [from, to] = numbers;
  if (from !== undefined && to !== undefined) return compare(call, host, from, to);
  const planned =
    from === undefined
      ? await planConfig(host.parts, await loadConfigFor(call, host), selectionOf(call))
      : await planRollback(host.parts, from);
  const { terminal } = call;
  const isVerbose = flagOption(call, "verbose");
  // A note on a resource's key concerns a part of it that no step covers.
  const notes = planned.notes.filter(({ path, isWarning }) => isWarning || path.includes("/"));
  if (notes.length > 0) (await import("../../views/notes.ts")).printNotes(notes, terminal);
  const subject = from === undefined ? "the config says" : `generation ${from} says`;
  if (flagOption(call, "json")) printDocument(terminal, "diff", diffDocument(planned));
  else if (!isInSync(planned.plan))
    printText(terminal, renderDiff(planned, styleFor(terminal.colorOut), { isVerbose }));
  else terminal.err(`No differences. The host is as ${subject}.`);
  return isInSync(planned.plan) ? EXIT.success : EXIT.differences;
};

async function compare(call: VerbCall, { parts }: OpenHost, from: number, to: number): Promise<ExitCode> {
  const { compareGenerations } = await import("../../../app/history/compare.ts");
  const differences = await compareGenerations(parts.stores, from, to);
  const { terminal } = call;
  const isVerbose = flagOption(call, "verbose");
  if (flagOption(call, "json")) printDocument(terminal, "diff-generations", differencesDocument(from, to, differences));
  else if (differences.length > 0)
    printText(terminal, renderDifferences(differences, styleFor(terminal.colorOut), { isVerbose }));
  else terminal.err(`No differences between the generations ${from} and ${to}.`);
  return differences.length === 0 ? EXIT.success : EXIT.differences;
}

function isConfigFile(word: string): boolean {
  return word === "-" || /\.(ya?ml|json)$/.test(word) || existsSync(word);
}

function readNumber(word: string): number {
  const number = GENERATION.exec(word)?.[1];
  if (number !== undefined) return Number(number);
  throw new AwgError("usage", `"${word}" is no generation`, {
    remedy: "write it like @3 (awg history lists them), or name a config",
  });
}

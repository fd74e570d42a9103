import type { HostParts } from "../../../app/parts.ts";
import { listPrograms, watchPrograms } from "../../../app/programs/list-programs.ts";
import type { ProgramLine } from "../../../app/programs/program-report.ts";
import type { Config } from "../../../config/config.ts";
import { AwgError } from "../../../model/error.ts";
import { EXIT } from "../../exit-code.ts";
import { loadConfigFor, openHostFor } from "../../open-host.ts";
import { flagOption, listOption, type RunVerb, textOption, type VerbCall } from "../../verb.ts";
import { printDocument } from "../../views/json.ts";
import { printText } from "../../views/print-text.ts";
import { styleFor } from "../../views/style.ts";
import { programsDocument, renderPrograms, renderWatched, watchedDocument } from "./programs.view.ts";

/** `awg ps [PROGRAM]`: programs with the rule that would apply to each. Reads only, root or not. */
export const run: RunVerb = async (call) => {
  await using host = await openHostFor(call);
  const isShown = filterOf(call);
  const config = listOption(call, "file").length === 0 ? undefined : (await loadConfigFor(call, host)).config;
  if (flagOption(call, "watch")) return watch(call, host.parts, config, isShown);
  const report = await listPrograms(host.parts, config);
  const shown = { ...report, programs: report.programs.filter(isShown) };
  const { terminal } = call;
  if (flagOption(call, "json")) printDocument(terminal, "ps", programsDocument(shown));
  else printText(terminal, renderPrograms(shown, styleFor(terminal.colorOut), terminal.columns));
  return EXIT.success;
};

/** One line for each program that starts or ends, until a signal comes. */
async function watch(
  call: VerbCall,
  parts: HostParts,
  config: Config | undefined,
  isShown: (line: ProgramLine) => boolean,
): ReturnType<RunVerb> {
  const { terminal } = call;
  const style = styleFor(terminal.colorOut);
  const isJson = flagOption(call, "json");
  const shown = new Set<number>();
  const stopped = Promise.withResolvers<void>();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => stopped.resolve());
  await using _watching = await watchPrograms(parts, config, (event) => {
    if ("program" in event) {
      if (!isShown(event)) return;
      shown.add(event.program.pid);
    } else if ("ended" in event && !shown.delete(event.ended)) return;
    terminal.out(isJson ? JSON.stringify(watchedDocument(event)) : renderWatched(event, style));
  });
  terminal.err("Waiting for programs to start. Ctrl-C ends it.");
  await stopped.promise;
  return EXIT.success;
}

/** Selects programs: all options must match. Kernel threads are programs only with --all. */
function filterOf(call: VerbCall): (line: ProgramLine) => boolean {
  const [wanted] = call.args;
  const [pid, user, via] = [numberOption(call, "pid"), textOption(call, "user"), textOption(call, "via")];
  const [isAll, hasSockets] = [flagOption(call, "all"), flagOption(call, "sockets")];
  return ({ program, user: name, sockets, rule, perhaps }) =>
    (isAll || pid !== undefined || program.path !== null) &&
    (wanted === undefined || program.name.includes(wanted) || program.path?.includes(wanted) === true) &&
    (pid === undefined || program.pid === pid) &&
    (user === undefined || name === user || String(program.uid) === user) &&
    (via === undefined || rule?.via === via || perhaps.some((one) => one.rule.via === via)) &&
    (!hasSockets || sockets === undefined || sockets > 0);
}

function numberOption(call: VerbCall, name: string): number | undefined {
  const text = textOption(call, name);
  if (text === undefined) return undefined;
  if (/^[0-9]{1,10}$/.test(text)) return Number(text);
  throw new AwgError("usage", `--${name} ${text} is no number`, {
    remedy: "processes have numbers: awg ps lists them",
  });
}

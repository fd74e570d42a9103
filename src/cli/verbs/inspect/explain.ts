import { resolve } from "node:path";
import { shellWord } from "../../../app/doctor/finding.ts";
import { explainFlow } from "../../../app/explain/explain.ts";
import type { ExplainQuestion } from "../../../app/explain/question/question.ts";
import { AwgError } from "../../../model/error.ts";
import { EXIT } from "../../exit-code.ts";
import { loadConfigFor, openHostFor } from "../../open-host.ts";
import { flagOption, listOption, type RunVerb, textOption, type VerbCall } from "../../verb.ts";
import { explanationDocument, renderExplanation, renderTrace } from "../../views/explanation.ts";
import { printDocument } from "../../views/json.ts";
import { printText } from "../../views/print-text.ts";
import { styleFor } from "../../views/style.ts";

const PROTOCOLS: Readonly<Record<string, number>> = { tcp: 6, udp: 17, icmp: 1, icmpv6: 58, sctp: 132 };

/** `awg explain [PID|PATH] DEST[:PORT]`: what becomes of one flow, declared and live; exit 6 when the two differ, or the path is not certain. */
export const run: RunVerb = async (call) => {
  await using host = await openHostFor(call);
  const config = listOption(call, "file").length === 0 ? undefined : (await loadConfigFor(call, host)).config;
  const explanation = await explainFlow(host.parts, {
    ...questionOf(call),
    ...(config === undefined ? {} : { config }),
  });
  const { terminal } = call;
  const [isTrace, isAgreed] = [flagOption(call, "trace"), explanation.disagreements.length === 0];
  const render = isTrace ? renderTrace : renderExplanation;
  const hint = isTrace || isAgreed ? [] : [`For marks, routes and rules of both: ${traceCommand(call)}`];
  if (flagOption(call, "json")) printDocument(terminal, "explain", explanationDocument(explanation));
  else printText(terminal, [render(explanation, styleFor(terminal.colorOut)), ...hint].join("\n"));
  const isCertain = isAgreed && explanation.undecided === undefined;
  return isCertain ? EXIT.success : EXIT.verification;
};

/** The same question with --trace, for a shell. */
function traceCommand(call: VerbCall): string {
  const options = ["protocol", "uid", "user", "app", "pid"].flatMap((name) => {
    const value = textOption(call, name);
    return value === undefined ? [] : [`--${name}`, value];
  });
  const files = listOption(call, "file").flatMap((path) => ["-f", path]);
  const resolves = flagOption(call, "resolve") ? ["--resolve"] : [];
  return ["awg", "explain", ...call.args, ...options, ...files, ...resolves, "--trace"].map(shellWord).join(" ");
}

function questionOf(call: VerbCall): ExplainQuestion {
  const [first = "", second] = call.args;
  const { destination, port } = parseDestination(second ?? first);
  const name = textOption(call, "protocol");
  const protocol = name === undefined ? undefined : PROTOCOLS[name];
  const program = second === undefined ? programOf(call) : programBefore(call);
  const named = textOption(call, "uid") ?? textOption(call, "user");
  return {
    destination,
    user: named ?? whoAsks(call),
    isUserNamed: named !== undefined,
    resolves: flagOption(call, "resolve"),
    ...(port === undefined ? {} : { port }),
    ...(protocol === undefined ? {} : { protocol }),
    ...(program === undefined ? {} : { program }),
  };
}

function programOf(call: VerbCall): ExplainQuestion["program"] {
  const [pid, app] = [textOption(call, "pid"), textOption(call, "app")];
  if (pid === undefined) return app === undefined ? undefined : { app };
  if (/^[0-9]{1,10}$/.test(pid)) return { pid: Number(pid) };
  throw new AwgError("usage", `--pid ${pid} is no number`, { remedy: "awg ps lists processes with their numbers" });
}

/** `24887` or `/usr/bin/curl`, written before the destination. */
function programBefore({ args, options }: VerbCall): ExplainQuestion["program"] {
  const [word = "", , more] = args;
  const isNumber = /^[0-9]{1,10}$/.test(word);
  const isOther = !isNumber && !/^\.{0,2}\//.test(word);
  if (more !== undefined || isOther || options["pid"] !== undefined || options["app"] !== undefined) {
    const [pid, app] = isNumber ? [word, "NAME"] : ["1234", word];
    throw new AwgError("usage", "explain takes one destination, and before it at most one PID or path", {
      remedy: `name the program with --pid ${pid} or --app ${app}`,
    });
  }
  return isNumber ? { pid: Number(word) } : { app: resolve(word) };
}

/** The person behind sudo, not root. */
function whoAsks({ environment }: VerbCall): string {
  return environment["SUDO_UID"] ?? `${process.getuid?.() ?? 0}`;
}

/** `192.0.2.1:443`, `[2001:db8::1]:443`, `2001:db8::1`, `name:443`. */
function parseDestination(text: string): { readonly destination: string; readonly port?: number } {
  const bracketed = /^\[([^\]]+)\](?::([0-9]+))?$/.exec(text);
  const plain = /^([^:]+):([0-9]+)$/.exec(text);
  const [, destination = text, digits] = bracketed ?? plain ?? [];
  if (digits === undefined) return { destination };
  const port = Number(digits);
  if (port >= 1 && port <= 65_535) return { destination, port };
  throw new AwgError("usage", `${digits} is no port`, { remedy: "ports are 1 to 65535" });
}

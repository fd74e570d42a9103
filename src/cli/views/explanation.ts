import type { ExplainedSide, Explanation } from "../../app/explain/explanation.ts";
import { protocolName } from "../../verify/finding.ts";
import type { DocumentOf } from "../documents/documents.ts";
import { lineDocument, programText } from "../verbs/inspect/programs.view.ts";
import type { Style } from "./style.ts";

const SHOWN_RULES = 4;

/** A flow explained as people read it: declared and live side by side, differences first to be seen. */
export function renderExplanation(explanation: Explanation, style: Style): string {
  const { flow, declared, live, tunnel, enforcement, programs, disagreements, notes, generation, system } = explanation;
  const isKernelAlone = !explanation.isApplied && disagreements.length === 0;
  const steering: [string, string, string][] = [
    ["mark", hex(declared.mark), hex(live.mark)],
    ["policy rule", declared.policyRule ?? "(none)", live.policyRule ?? "(none)"],
  ];
  const port = flow.port === undefined ? "" : `, port ${flow.port}`;
  const chosen: [string, string, string][] = [
    ["path", declared.path, live.path],
    ["chosen by", declared.reason || "(none)", live.reason || "(none)"],
    ...(system === "darwin" ? [] : steering),
  ];
  const rows: [string, string, string][] = [
    ...(isKernelAlone ? [sameOnBoth("path", `awg has nothing applied; ${kernelText(live.device)}`)] : chosen),
    ["route", declared.route ?? "(none)", live.route ?? "(none)"],
    ["device", declared.device, live.device],
    ["verdict", declared.verdict, live.verdict],
    ...(isKernelAlone
      ? []
      : [["verdict by", decidingRules(declared), decidingRules(live)] as [string, string, string]]),
  ];
  const lines = rows.flatMap(([name, left, right]) =>
    left === right
      ? [`  ${name.padEnd(12)} ${left}`]
      : [`  ${name.padEnd(12)} declared  ${left}`, `  ${"".padEnd(12)} live      ${right}`],
  );
  return [
    style.bold(
      `${flow.destination}${port}, ${protocolName(flow.protocol)}, uid ${flow.uid}${explanation.isApplied ? ` (generation ${generation})` : ""}`,
    ),
    ...lines,
    ...(tunnel === undefined ? [] : [`  ${"tunnel".padEnd(12)} ${tunnel.device}: ${tunnel.state}`]),
    ...(enforcement === undefined ? [] : [`  ${"enforcement".padEnd(12)} ${enforcement}`]),
    ...programs.map((line) => `  ${"program".padEnd(12)} ${programText(line)}`),
    ...notes.map((note) => style.dim(`  note: ${note}`)),
    ...disagreements.map((text) => style.red(`DISAGREE ${text}`)),
  ].join("\n");
}

/** What the kernel does alone with it; a device in brackets is none. */
function kernelText(device: string): string {
  if (device === "(local)") return "the kernel delivers it to this host";
  return device.startsWith("(") ? "the kernel has no route for it" : `the kernel sends it by ${device}`;
}

function sameOnBoth(name: string, text: string): [string, string, string] {
  return [name, text, text];
}

function decidingRules({ verdictBy }: ExplainedSide): string {
  return verdictBy
    .slice(-SHOWN_RULES)
    .map(({ name, verdict }) => `${name} → ${verdict}`)
    .join("; ");
}

function hex(mark: number): string {
  return `0x${mark.toString(16)}`;
}

/** A flow explained as one JSON document. */
export function explanationDocument(explanation: Explanation): DocumentOf<"explain"> {
  const { flow, generation, system, declared, live, tunnel, enforcement, programs, disagreements, notes } = explanation;
  return {
    format_version: "1",
    flow,
    generation,
    system,
    declared: sideDocument(declared),
    live: sideDocument(live),
    tunnel: tunnel ?? null,
    enforcement: enforcement ?? null,
    programs: programs.map(lineDocument),
    agree: disagreements.length === 0,
    disagreements,
    notes,
  };
}

function sideDocument({ policyRule, table, route, verdictBy, ...rest }: ExplainedSide): DocumentOf<"explain">["live"] {
  return {
    ...rest,
    policyRule: policyRule ?? null,
    table: table ?? null,
    route: route ?? null,
    verdictBy: verdictBy,
  };
}

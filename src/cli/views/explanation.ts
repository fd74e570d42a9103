import type { ExplainedPath, ExplainedSide, Explanation } from "../../app/explain/explanation.ts";
import { protocolName } from "../../verify/finding.ts";
import type { DocumentOf } from "../documents/documents.ts";
import { lineDocument, programText } from "../verbs/inspect/programs.view.ts";
import { flowSummary } from "./flow-summary.ts";
import { limitText } from "./resource/policy-values.ts";
import type { Style } from "./style.ts";

const SHOWN_RULES = 4;

/** A flow explained as people read it, in a sentence; the differences between config and kernel come below it. */
export function renderExplanation(explanation: Explanation, style: Style): string {
  const { live, declared, enforcement = "enforced", disagreements } = explanation;
  const isElsewhere =
    disagreements.length > 0 && (live.device !== declared.device || live.verdict !== declared.verdict);
  return [
    style.bold(flowText(explanation)),
    ...flowSummary(explanation).map((line) => `  ${line}`),
    ...(isElsewhere ? [`  in the kernel: ${live.verdict === "accept" ? `leaves by ${live.device}` : "dropped"}`] : []),
    ...(enforcement === "enforced" ? [] : [`  enforcement: ${enforcement}`]),
    ...remarks(explanation, style),
  ].join("\n");
}

/** The same with each decision: declared and live side by side. */
export function renderTrace(explanation: Explanation, style: Style): string {
  const { undecided, enforcement } = explanation;
  const lines =
    undecided === undefined
      ? pathLines(explanation, explanation.system)
      : [
          `  undecided: ${undecided.why}`,
          ...undecided.paths.flatMap((path) => ["", ...pathLines(path, explanation.system)]),
        ];
  return [
    style.bold(flowText(explanation)),
    ...lines,
    ...(enforcement === undefined ? [] : [`  ${"enforcement".padEnd(12)} ${enforcement}`]),
    ...remarks(explanation, style),
  ].join("\n");
}

function pathLines(path: ExplainedPath, system: Explanation["system"]): readonly string[] {
  const { declared, live, tunnel, fallback, limit, dns } = path;
  const steering: [string, string, string][] = [
    ["mark", hex(declared.mark), hex(live.mark)],
    ["policy rule", declared.policyRule ?? "(none)", live.policyRule ?? "(none)"],
  ];
  const rows: [string, string, string][] = [
    ["path", declared.path, live.path],
    ["chosen by", declared.reason || "(none)", live.reason || "(none)"],
    ...(declared.socketClass === undefined ? [] : [classRow(declared.socketClass, live.socketClass)]),
    ...(system === "darwin" ? [] : steering),
    ["route", declared.route ?? "(none)", live.route ?? "(none)"],
    ["device", declared.device, live.device],
    ["verdict", declared.verdict, live.verdict],
    ["verdict by", decidingRules(declared), decidingRules(live)],
  ];
  const lines = rows.flatMap(([name, left, right]) =>
    left === right
      ? [`  ${name.padEnd(12)} ${left}`]
      : [`  ${name.padEnd(12)} declared  ${left}`, `  ${"".padEnd(12)} live      ${right}`],
  );
  return [
    ...lines,
    ...(tunnel === undefined ? [] : [`  ${"tunnel".padEnd(12)} ${tunnel.device}: ${tunnel.state}`]),
    ...(fallback === undefined ? [] : [`  ${"fallback".padEnd(12)} ${fallbackText(fallback)}`]),
    ...(limit === undefined ? [] : [`  ${"limit".padEnd(12)} ${limitText(limit)}`]),
    ...(dns === undefined ? [] : [`  ${"dns".padEnd(12)} ${dnsText(dns)}`]),
  ];
}

type SocketClass = NonNullable<ExplainedSide["socketClass"]>;

function classRow(declared: SocketClass, live: SocketClass | undefined): [string, string, string] {
  const text = ({ number, meaning }: SocketClass) => (number === 0 ? meaning : `${number} (${meaning})`);
  return ["class", text(declared), live === undefined ? "none" : text(live)];
}

/** What happens while the tunnel of a flow is down: "block", "direct, in force now". */
function fallbackText({ text, isInForce }: NonNullable<Explanation["fallback"]>): string {
  return isInForce ? `${text}, in force now` : text;
}

/** Where queries go: "10.8.0.1 by awg-office". */
function dnsText({ server, device, verdict, isByResolver }: NonNullable<Explanation["dns"]>): string {
  const by = isByResolver ? ", asked by awg's resolver" : "";
  return verdict === "accept" ? `${server} by ${device}${by}` : `${server}: dropped${by}`;
}

function flowText({ flow, generation, isApplied }: Explanation): string {
  const port = flow.port === undefined ? "" : ` port ${flow.port}`;
  const what = `${flow.destination}, ${protocolName(flow.protocol)}${port}, uid ${flow.uid}`;
  return !isApplied ? what : `${what} (generation ${generation})`;
}

function remarks({ programs, notes, disagreements }: Explanation, style: Style): readonly string[] {
  return [
    ...programs.map((line) => `  ${"program".padEnd(12)} ${programText(line)}`),
    ...notes.map((note) => style.dim(`  note: ${note}`)),
    ...disagreements.map((text) => style.red(`DISAGREE ${text}`)),
  ];
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
  const {
    flow,
    generation,
    system,
    declared,
    live,
    tunnel,
    fallback,
    limit,
    dns,
    undecided,
    enforcement,
    programs,
    disagreements,
    notes,
  } = explanation;
  return {
    formatVersion: "1",
    flow,
    generation,
    system,
    declared: sideDocument(declared),
    live: sideDocument(live),
    undecided: undecided === undefined ? null : undecidedDocument(undecided),
    tunnel: tunnel === undefined ? null : { device: tunnel.device, state: tunnel.state },
    fallback: fallback === undefined ? null : { path: fallback.text, inForce: fallback.isInForce },
    limit: limit ?? null,
    dns: dns === undefined ? null : dnsDocument(dns),
    enforcement: enforcement ?? null,
    programs: programs.map(lineDocument),
    agree: disagreements.length === 0,
    disagreements,
    notes,
  };
}

function undecidedDocument({ why, paths }: NonNullable<Explanation["undecided"]>): DocumentOf<"explain">["undecided"] {
  return {
    why,
    possible: paths.map(({ declared, live }) => ({ declared: sideDocument(declared), live: sideDocument(live) })),
  };
}

function dnsDocument({ isByResolver, ...rest }: NonNullable<Explanation["dns"]>): DocumentOf<"explain">["dns"] {
  return { ...rest, byResolver: isByResolver };
}

function sideDocument({
  policyRule,
  table,
  route,
  verdictBy,
  socketClass,
  ...rest
}: ExplainedSide): DocumentOf<"explain">["live"] {
  return {
    ...rest,
    policyRule: policyRule ?? null,
    table: table ?? null,
    route: route ?? null,
    class: socketClass ?? null,
    verdictBy: verdictBy,
  };
}

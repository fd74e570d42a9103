import { withFallback } from "../../model/firewall/fallback.ts";
import { PORTED_PROTOCOLS, PROTOCOL } from "../../model/firewall/packet.ts";
import type { FirewallPolicy } from "../../model/firewall/policy.ts";
import { type IpAddress, renderIp } from "../../model/ip.ts";
import { driverRegistry } from "../../resources/registry.ts";
import type { HostParts } from "../parts.ts";
import type { ProgramLine } from "../programs/program-report.ts";
import { compareHost, unrecordedText } from "../status/compare-host.ts";
import { readStateInForce } from "../status/state-in-force.ts";
import { readPolicyContext } from "../verify/declared-context.ts";
import { unmodelledRules } from "../verify/unmodelled-rules.ts";
import { policyIn } from "../verify/verify-machine.ts";
import { declaredRouting } from "./declared-routing.ts";
import { declarePath, explainPath, type Surroundings } from "./explain-path.ts";
import type { ExplainedPath, Explanation } from "./explanation.ts";
import { nameSetsOfFlow } from "./name-sets.ts";
import { combined, distinctPaths } from "./possible-paths.ts";
import { type ExplainQuestion, readQuestion } from "./question/question.ts";
import { readSocketClasses } from "./socket-class.ts";

const NO_POLICY: FirewallPolicy = { steering: { rules: [], default: { kind: "direct" } }, layers: [] };

/** Explains one flow from the accepted state and from the kernel, and where the two differ. Reads only. */
export async function explainFlow(parts: HostParts, question: ExplainQuestion): Promise<Explanation> {
  parts.requireRights?.();
  const { host } = parts;
  const { address, uid, programs, notes } = await readQuestion(parts, question);
  const { generation, desired } = await readStateInForce(parts);
  const { resources } = desired;
  const observed = await host.firewall.read();
  const accepted = policyIn(desired);
  const policy = withFallback(accepted ?? NO_POLICY, observed.fallback ?? []);
  const { routing } = await readPolicyContext(parts);
  const ours = declaredRouting(desired, routing, observed.fallback ?? []);
  const protocol = question.protocol ?? protocolFor(question, address);
  const hasPort = question.port !== undefined && PORTED_PROTOCOLS.includes(protocol);
  const port = hasPort ? { port: question.port } : {};
  const links = await host.links.read();
  const inspection = await parts.inspection?.();
  const sets = nameSetsOfFlow(question.destination, address, desired, inspection);
  const { capabilities, os } = await host.facts.read({ users: [], hosts: [] });
  const loaded = withFallback(observed.policy ?? NO_POLICY, observed.fallback ?? []);
  const around: Surroundings = { host, os, inspection, desired, accepted, policy, loaded, routing, ours };
  const classes = await readSocketClasses(parts, resources, { programs: programs.map(({ program }) => program), uid });
  const asked = { address, uid, protocol, ...port, links, policy, sets };
  const candidates = classes.candidates.map((one) => declarePath(asked, one, around));
  const paths: ExplainedPath[] = [];
  for (const path of distinctPaths(candidates, policy.steering.rules)) paths.push(await explainPath(path, around));
  const path = combined(paths, classes.why);
  return {
    flow: { destination: renderIp(address), protocol, uid, ...port },
    generation: generation?.number ?? 0,
    isApplied: resources.length > 0,
    system: os,
    ...path,
    ...(accepted === undefined
      ? {}
      : { enforcement: driverRegistry.firewall.enforcement?.(policy, capabilities) ?? "enforced" }),
    programs: programs.map((line, index) => withClass(line, classes.numbers[index])),
    disagreements: [...classes.disagreements, ...path.disagreements],
    notes: [
      ...notes,
      ...classes.notes,
      ...path.notes,
      ...unmodelledRules(routing).before,
      ...(accepted === undefined && resources.length > 0 ? ["the applied config has no packet policy"] : []),
      ...(resources.length > 0 ? [] : await unrecordedNote(parts)),
    ],
  };
}

function withClass(line: ProgramLine, number: number | undefined): ProgramLine {
  return number === undefined ? line : { ...line, class: number };
}

async function unrecordedNote(parts: HostParts): Promise<readonly string[]> {
  const { unrecorded } = await compareHost(parts);
  return unrecorded === undefined ? [] : [`${unrecordedText(unrecorded)}; see awg drift`];
}

function protocolFor({ port }: ExplainQuestion, { family }: IpAddress): number {
  if (port !== undefined) return PROTOCOL.tcp;
  return family === 4 ? PROTOCOL.icmp : PROTOCOL.icmpv6;
}

import { readFileSync } from "node:fs";
import type { Config } from "../../config/config.ts";
import type { HostFacts } from "../../host/ports/facts.ts";
import type { ProcessPort } from "../../host/ports/processes.ts";
import { AwgError, messageOf } from "../../model/error.ts";
import type { ClassifierSpec } from "../../model/program/classifier.ts";
import type { ProcessKey, Program } from "../../model/program/program.ts";
import { possibleClassesOf } from "../../model/program/program-class.ts";
import type { HostParts } from "../parts.ts";
import { factsWantedBy } from "../plan/facts-wanted.ts";
import { factsForAnyone } from "../render/render-offline.ts";
import { chooseRule, type ProgramRule } from "./choose-rule.ts";
import { classifierFaults } from "./classifier-faults.ts";
import type { ProgramContext } from "./match-program.ts";
import type { ProgramLine, ProgramsReport, ProgramWatchEvent, ReportedRule } from "./program-report.ts";
import { type RuleSet, rulesOfConfig, rulesOfPolicy } from "./program-rules.ts";

/** Rules and what is needed to hold programs against them. */
interface KnownRules {
  readonly set: RuleSet | undefined;
  readonly rulesOf: ProgramsReport["rulesOf"];
  readonly generation?: number;
  /** What the accepted rules' classes mean. */
  readonly classifier?: ClassifierSpec;
  readonly facts: HostFacts;
  readonly realPath: (path: string) => string;
  readonly unseen: readonly string[];
}

/**
 * All programs with the rule that would apply to each: from the given config, else from the accepted state. Reads only,
 * and works without root as far as possible.
 *
 * @throws AwgError("unsupported") on a system where this version cannot list processes.
 */
export async function listPrograms(parts: HostParts, config: Config | undefined): Promise<ProgramsReport> {
  const port = await processesOf(parts);
  const known = await knownRules(parts, config);
  const { programs, unseen } = port.list();
  const sockets = countSockets(port);
  const around = programContext(withAncestors(port, programs, programs), known);
  const names = userNames(known.facts);
  const { set, rulesOf, generation } = known;
  return {
    rulesOf,
    ...(generation === undefined ? {} : { generation }),
    programs: programs
      .toSorted((a, b) => a.pid - b.pid)
      .map((program) => lineOf(program, { set, around, names, sockets: sockets.of })),
    unseen: [...new Set([...known.unseen, ...unseen, ...sockets.unseen])],
  };
}

/** The line of a program that does not run, and the rules that depend on how it is started. */
export interface AbsentProgram {
  readonly line: ProgramLine;
  readonly dependent: readonly { readonly origin: string; readonly on: "commandLine" | "cgroup" }[];
}

/**
 * The line of a program as if it ran, started without arguments, by nothing and in no control group that a rule names:
 * from the given config, else from the accepted state. Reads only.
 */
export async function lineOfAbsent(
  parts: HostParts,
  config: Config | undefined,
  program: Program & Required<Pick<Program, "path">>,
): Promise<AbsentProgram> {
  const known = await knownRules(parts, config);
  const deps = { set: known.set, around: programContext([program], known), names: userNames(known.facts) };
  const commandLine = program.path === null ? [] : [program.path];
  const started: Program = { ...program, commandLine, cgroup: null };
  const dependent = (["commandLine", "cgroup"] as const).flatMap((on) => {
    const { [on]: _, ...unsettled } = started;
    const unknown = lineOf(unsettled, deps).perhaps.filter(({ why }) => why === "unknown");
    return unknown.map(({ rule }) => ({ origin: rule.origin, on }));
  });
  return { line: lineOf(started, deps), dependent };
}

/** The classes that a classifier may give the sockets of each program, in their order: several where one is not known. */
export type ClassesBy = (spec: ClassifierSpec) => readonly (readonly [number, ...number[]])[];

/** Judges the programs by any classifier. Reads the processes once, when it is first asked. */
export async function readClassesBy(parts: HostParts, programs: readonly Program[]): Promise<ClassesBy> {
  const port = await processesOf(parts);
  const realPath = realPathOf(parts);
  let byPid: ReadonlyMap<number, Program> | undefined;
  return (spec) => {
    byPid ??= new Map(withAncestors(port, port.list().programs, programs).map((one) => [one.pid, one]));
    const around = { byPid, realPath };
    return programs.map((program) => possibleClassesOf(spec, program, around));
  };
}

/** The port to the processes of a host. */
export async function processesOf({ processes }: HostParts): Promise<ProcessPort> {
  const port = await processes?.();
  if (port !== undefined) return port;
  throw new AwgError("unsupported", "awg cannot list the processes of this host yet");
}

/** Reports programs as they start and end, each with its rule, until stopped. */
export async function watchPrograms(
  parts: HostParts,
  config: Config | undefined,
  onLine: (line: ProgramWatchEvent) => void,
): Promise<AsyncDisposable> {
  const port = await processesOf(parts);
  const known = await knownRules(parts, config);
  const { set, facts } = known;
  const names = userNames(facts);
  return port.watch((event) => {
    if (event.what === "missed") return onLine({ missed: true });
    if (event.what === "ended") return onLine({ ended: event.pid });
    const program = port.read(event.pid);
    // It may have ended since, or be another by now: that one has an event of its own.
    if (program === undefined) return;
    const around = programContext(withAncestors(port, [program], [program]), known);
    onLine(lineOf(program, { set, around, names }));
  });
}

/** What is known of programs, with the ancestors of some that are not among them: they may be in another namespace. */
function withAncestors(port: ProcessPort, known: readonly Program[], programs: readonly Program[]): Program[] {
  const found = new Map(known.map((one) => [one.pid, one]));
  for (const program of programs) {
    for (let { parentPid } = program; parentPid !== 0; ) {
      const parent = found.get(parentPid) ?? port.read(parentPid);
      if (parent === undefined || parent.pid === program.pid) break;
      found.set(parentPid, parent);
      parentPid = parent.parentPid;
    }
  }
  return [...found.values()];
}

/** A path after symbolic links; the same path where nothing exists. */
export function realPathOf({ realPaths }: Pick<HostParts, "realPaths">): (path: string) => string {
  return realPaths?.() ?? ((path) => path);
}

function programContext(programs: readonly Program[], { facts, classifier, realPath }: KnownRules): ProgramContext {
  const byPid = new Map(programs.map((program) => [program.pid, program]));
  const context = { uids: facts.uids, byPid, hasBundles: facts.os === "darwin" };
  if (classifier === undefined) return context;
  const around = { byPid, realPath };
  return { ...context, classesOf: (program) => possibleClassesOf(classifier, program, around) };
}

/** How many sockets a process holds; undefined where that could not be read. */
type SocketCount = (process: ProcessKey) => number | undefined;

interface LineDeps {
  readonly set: RuleSet | undefined;
  readonly around: ProgramContext;
  readonly names: ReadonlyMap<number, string>;
  readonly sockets?: SocketCount;
}

function lineOf(program: Program, { set, around, names, sockets }: LineDeps): ProgramLine {
  const user = program.uid === undefined ? undefined : names.get(program.uid);
  const held = sockets?.(program);
  const [number, ...others] = around.classesOf?.(program) ?? [];
  const chosen = set === undefined ? undefined : chooseRule(set.rules, set.fallThrough, program, around);
  return {
    program,
    ...(user === undefined ? {} : { user }),
    ...(held === undefined ? {} : { sockets: held }),
    ...(number === undefined || others.length > 0 ? {} : { class: number }),
    ...(chosen === undefined ? {} : { rule: reportedRule(chosen.rule) }),
    perhaps: (chosen?.perhaps ?? []).map(({ rule, why }) => ({ rule: reportedRule(rule), why })),
  };
}

function reportedRule({ match: _match, ...rest }: ProgramRule): ReportedRule {
  return rest;
}

/** Sockets per process; empty if the host does not allow the read. */
function countSockets(port: ProcessPort): { readonly of: SocketCount; readonly unseen: readonly string[] } {
  try {
    const { sockets, closed, unseen } = port.sockets();
    const counts = new Map<string, number>();
    const name = ({ pid, since }: ProcessKey) => `${pid} ${since}`;
    for (const holder of sockets.flatMap(({ holders }) => holders)) {
      counts.set(name(holder), (counts.get(name(holder)) ?? 0) + 1);
    }
    return { of: (process) => (closed.has(process.pid) ? undefined : (counts.get(name(process)) ?? 0)), unseen };
  } catch (error) {
    if (error instanceof AwgError) return { of: () => undefined, unseen: [`sockets: ${messageOf(error)}`] };
    throw error;
  }
}

async function knownRules(parts: HostParts, config: Config | undefined): Promise<KnownRules> {
  const facts = await readFacts(parts, config);
  const realPath = realPathOf(parts);
  if (config !== undefined)
    return { set: rulesOfConfig(config, facts), rulesOf: "config", facts, realPath, unseen: [] };
  const nothing = { set: undefined, rulesOf: "nothing" as const, facts, realPath };
  try {
    parts.requireRights?.();
    const latest = await parts.stores.generations.latest();
    const policy = latest?.desired.resources.find((resource) => resource.kind === "firewall");
    if (latest === undefined || policy === undefined) return { ...nothing, unseen: [] };
    const classifier = latest.desired.resources.find((resource) => resource.kind === "classifier")?.spec;
    const faults = classifier === undefined ? [] : classifierFaults(classifier, await parts.host.classifier?.read());
    const set = rulesOfPolicy(policy.spec, latest.desired.resources, facts.capabilities, faults);
    const known = classifier === undefined ? {} : { classifier };
    return { set, rulesOf: "accepted", generation: latest.number, facts, realPath, unseen: [], ...known };
  } catch (error) {
    if (!(error instanceof AwgError) || error.kind !== "permission") throw error;
    return { ...nothing, unseen: ["the accepted rules, which only root may read: name a config with -f"] };
  }
}

/**
 * The capabilities of the host and the users that a config names. Without the right to read them: those of a current
 * Linux.
 */
async function readFacts(parts: HostParts, config: Config | undefined): Promise<HostFacts> {
  const wanted = config === undefined ? { users: [], hosts: [] } : { ...factsWantedBy(config), hosts: [] };
  try {
    parts.requireRights?.();
  } catch {
    return factsForAnyone(parts, wanted);
  }
  return parts.host.facts.read(wanted);
}

/** Users by number: those of /etc/passwd (passwd(5)) and those that the host resolved. */
function userNames({ uids }: HostFacts): ReadonlyMap<number, string> {
  const names = new Map<number, string>();
  try {
    for (const line of readFileSync("/etc/passwd", "utf8").split("\n")) {
      const [name, , uid] = line.split(":");
      if (name && uid && !names.has(Number(uid))) names.set(Number(uid), name);
    }
  } catch {
    // Then users are numbers.
  }
  for (const [name, uid] of Object.entries(uids)) names.set(uid, name);
  return names;
}

import type { AppMatcher, Match } from "../../config/section/match.ts";
import type { ClassSet, PortRange } from "../../model/firewall/policy.ts";
import { MOST_ANCESTORS } from "../../model/program/classifier.ts";
import { matchesGlob } from "../../model/program/glob.ts";
import { commandText, matchesPattern } from "../../model/program/pattern/pattern.ts";
import type { Program } from "../../model/program/program.ts";

/**
 * Whether a rule applies to a program. `depends`: on the destination, or on the current network. `unknown`: a value
 * that the rule needs could not be read.
 */
export type Verdict = "yes" | "no" | "depends" | "unknown";

/** A match of the configuration, or of the accepted policy, which has numbers for users. */
export interface ProgramMatch extends Match {
  /** Effective users; both ends included. */
  readonly uids?: readonly PortRange[];
  /** Classes that the kernel gives sockets. */
  readonly classes?: ClassSet;
}

/** Facts for a match, beside the program itself. */
export interface ProgramContext {
  /** Users by name. */
  readonly uids: Readonly<Record<string, number>>;
  /** Every process that could be seen, by its number. */
  readonly byPid: ReadonlyMap<number, Program>;
  /** Whether programs have bundles and signers here (macOS). */
  readonly hasBundles: boolean;
  /** The class of a program's sockets, 0 without one; several where it is not known which. */
  readonly classesOf?: (program: Program) => readonly number[];
}

/** The kernels keep this much of a name (TASK_COMM_LEN, MAXCOMLEN). */
const KERNEL_NAME_BYTES = 15;

/** Whether a match applies to a program: its fields are AND-ed, the values of one field OR-ed. Pure. */
export function matchProgram(match: ProgramMatch, program: Program, around: ProgramContext): Verdict {
  const { apps, children = true, users, uids, classes, cgroups, commandLine, parent } = match;
  const inner = (one: ProgramMatch): Verdict => matchProgram(one, program, around);
  return allOf([
    ...(apps === undefined ? [] : [matchApps(apps, program, around, children)]),
    ...(users === undefined ? [] : [anyOf(users.map((user) => matchUser(user, program, around)))]),
    ...(uids === undefined ? [] : [anyOf(uids.map((range) => matchUid(range, program)))]),
    ...(classes === undefined ? [] : [matchClasses(classes, around.classesOf?.(program))]),
    ...(cgroups === undefined ? [] : [anyOf(cgroups.map((cgroup) => matchCgroup(cgroup, program)))]),
    ...(commandLine === undefined ? [] : [anyOf(commandLine.map((pattern) => matchCommandLine(pattern, program)))]),
    ...(parent === undefined ? [] : [matchParent(parent, program, around)]),
    ...(isAboutTraffic(match) ? ["depends" as const] : []),
    ...(match.all === undefined ? [] : [allOf(match.all.map(inner))]),
    ...(match.any === undefined ? [] : [anyOf(match.any.map(inner))]),
    ...(match.not === undefined ? [] : [opposite(inner(match.not))]),
  ]);
}

/** Whether a program is the one that a matcher of the configuration means. */
export function matchApp(app: AppMatcher, program: Program, { hasBundles }: ProgramContext): Verdict {
  const { path } = program;
  switch (app.kind) {
    case "name":
      return typeof path === "string" ? said(lastName(path) === app.name) : matchKernelName(app.name, program);
    case "contains":
    case "regex":
      return typeof path === "string" ? said(matchesPattern(app, path)) : withoutPath(program);
    case "path":
      return typeof path === "string" ? said(matchesGlob(app.path, path)) : withoutPath(program);
    case "dir":
      return typeof path === "string" ? said(isBelow(path, app.dir)) : withoutPath(program);
    case "bundleId":
      return hasBundles ? matchBundle(app.bundleId, program) : "no";
    case "signer":
      return hasBundles ? matchSigner(app.signer, program) : "no";
  }
}

function said(holds: boolean): Verdict {
  return holds ? "yes" : "no";
}

/** A kernel thread has no executable, so no rule by file matches it. */
function withoutPath({ path }: Program): Verdict {
  return path === null ? "no" : "unknown";
}

/** Without the file only the kernel's name is left, which is cut, and which the process may have changed. */
function matchKernelName(name: string, { name: kernelName, path }: Program): Verdict {
  if (path === null) return said(kernelName === name);
  const isCut = name.length > KERNEL_NAME_BYTES && name.startsWith(kernelName);
  return kernelName === name || isCut ? "unknown" : "no";
}

/** A program is of each bundle around it. Apple compares identifiers without regard to case (CFBundleIdentifier). */
function matchBundle(wanted: string, { bundleIds }: Program): Verdict {
  if (bundleIds === undefined) return "unknown";
  return said(bundleIds.some((id) => id.toLowerCase() === wanted.toLowerCase()));
}

function matchSigner(wanted: string, { signer }: Program): Verdict {
  return signer === undefined ? "unknown" : said(signer === wanted);
}

function matchUser(user: string, program: Program, { uids }: ProgramContext): Verdict {
  const uid = /^[0-9]{1,10}$/.test(user) ? Number(user) : Object.hasOwn(uids, user) ? uids[user] : undefined;
  if (uid === undefined) return "no";
  return program.uid === undefined ? "unknown" : said(program.uid === uid);
}

function matchUid({ from, to }: PortRange, { uid }: Program): Verdict {
  return uid === undefined ? "unknown" : said(uid >= from && uid <= to);
}

function matchCgroup(wanted: string, { cgroup }: Program): Verdict {
  if (cgroup === undefined) return "unknown";
  const path = `/${wanted}`.replaceAll(/\/+/g, "/").replace(/\/$/, "");
  return said(cgroup !== null && isBelow(cgroup, path));
}

function matchCommandLine(pattern: string, { commandLine }: Program): Verdict {
  return commandLine === undefined
    ? "unknown"
    : said(matchesPattern({ commandLine: pattern }, commandText(commandLine)));
}

/** What a program starts belongs to it, unless the rule says otherwise. */
function matchApps(apps: readonly AppMatcher[], program: Program, around: ProgramContext, children: boolean): Verdict {
  const itself = anyOf(apps.map((app) => matchApp(app, program, around)));
  return children ? anyOf([itself, matchParent(apps, program, around)]) : itself;
}

function matchClasses(classes: ClassSet, numbers: readonly number[] = []): Verdict {
  const matches = (number: number) =>
    "in" in classes ? classes.in.includes(number) : !classes.otherThan.includes(number);
  const [first, ...others] = new Set(numbers.map(matches));
  return first === undefined || others.length > 0 ? "unknown" : said(first);
}

function matchParent(apps: readonly AppMatcher[], program: Program, around: ProgramContext): Verdict {
  const found: Verdict[] = [];
  let { parentPid } = program;
  while (parentPid !== 0 && found.length < MOST_ANCESTORS) {
    const ancestor = around.byPid.get(parentPid);
    if (ancestor === undefined) return anyOf([...found, "unknown"]);
    found.push(anyOf(apps.map((app) => matchApp(app, ancestor, around))));
    parentPid = ancestor.parentPid;
  }
  return anyOf(found);
}

function isAboutTraffic({ destinations, ports, protocol, when }: Match): boolean {
  return [destinations, ports, protocol, when].some((field) => field !== undefined);
}

function lastName(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

function isBelow(path: string, folder: string): boolean {
  const base = folder.replace(/\/+$/, "");
  return path === base || path.startsWith(`${base}/`);
}

function opposite(verdict: Verdict): Verdict {
  if (verdict === "yes") return "no";
  return verdict === "no" ? "yes" : verdict;
}

/** No if any says no; else the least certain. */
function allOf(verdicts: readonly Verdict[]): Verdict {
  for (const wanted of ["no", "unknown", "depends"] as const) if (verdicts.includes(wanted)) return wanted;
  return "yes";
}

/** Yes if any says yes; else the least certain; no if there is none. */
function anyOf(verdicts: readonly Verdict[]): Verdict {
  for (const wanted of ["yes", "unknown", "depends"] as const) if (verdicts.includes(wanted)) return wanted;
  return "no";
}

import { compileMatch } from "../../../model/firewall/flow-path.ts";
import type { FirewallPolicy, FlowMatch, PathRef } from "../../../model/firewall/policy.ts";
import type { IpAddress } from "../../../model/ip.ts";
import { UNCLASSIFIED } from "../../../model/ownership.ts";
import type { ClassifierSpec } from "../../../model/program/classifier.ts";
import type { Program } from "../../../model/program/program.ts";
import { programName } from "../../../model/program/program-name.ts";

/** A running program whose path a plan changes. */
export interface AffectedProgram {
  readonly pid: number;
  /** Its name for people. */
  readonly program: string;
  /** A tunnel, "direct" or "block". */
  readonly from: string;
  readonly to: string;
}

/** One side of a plan: what decides about the flows of a program. */
export interface Deciding {
  readonly policy: FirewallPolicy;
  readonly classifier: ClassifierSpec | undefined;
  /** Names of tunnels and proxies by their devices. */
  readonly names: ReadonlyMap<string, string>;
}

/** One side with the classes that the sockets of each program may have, by its pid; none without a classifier. */
interface Classed extends Deciding {
  readonly classes: ReadonlyMap<number, readonly number[]>;
}

/** Programs that another rule or the default gives another path, whatever they send to. Pure. */
export function affectedPrograms(programs: readonly Program[], now: Classed, then: Classed): AffectedProgram[] {
  return programs.flatMap((program) => {
    const [from, to] = [pathOf(program, now), pathOf(program, then)];
    if (from === undefined || to === undefined || from === to) return [];
    return [{ pid: program.pid, program: programName(program), from, to }];
  });
}

/** The path of the first rule that matches a program for every destination; undefined if it is not known. */
function pathOf({ pid, uid }: Program, { policy, names, classes }: Classed): string | undefined {
  if (uid === undefined) return undefined;
  const { rules, default: rest } = policy.steering;
  return commonPath(classes.get(pid), (number) => {
    const flow = { destination: ANYWHERE, protocol: 0, uid, programClass: number === 0 ? UNCLASSIFIED : number };
    const rule = rules.find(({ match }) => isForAnywhere(match) && compileMatch(match)(flow));
    return pathName(rule?.path ?? rest, names);
  });
}

/** The path that all possible classes give, or no class without a classifier; undefined if they differ. Pure. */
export function commonPath(classes: readonly number[] = [0], of: (number: number) => string): string | undefined {
  const [path, ...others] = new Set(classes.map(of));
  return others.length === 0 ? path : undefined;
}

const ANYWHERE: IpAddress = { family: 4, value: 0n };

function isForAnywhere({ destinations, sets, ports, protocol }: FlowMatch): boolean {
  return [destinations, sets, ports, protocol].every((criterion) => criterion === undefined);
}

/** A path for people: the name of a tunnel or proxy, "direct" or "block". Pure. */
export function pathName(path: PathRef, names: ReadonlyMap<string, string>): string {
  return path.kind === "tunnel" ? (names.get(path.device) ?? path.device) : path.kind;
}

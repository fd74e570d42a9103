import { sameData } from "../../model/canonical.ts";
import type { ClassifierSpec } from "../../model/program/classifier.ts";
import { conditionText } from "../../model/program/classifier-text.ts";
import type { Program } from "../../model/program/program.ts";
import type { Resource } from "../../model/resource.ts";
import { classifierAsSpec } from "../../resources/classifier/classifier.ts";
import type { HostParts } from "../parts.ts";
import { classifierFaults } from "../programs/classifier-faults.ts";
import { type ClassesBy, readClassesBy } from "../programs/list-programs.ts";

/** A class of sockets, 0 for none, and the programs that have it. */
export interface NamedClass {
  readonly number: number;
  readonly meaning: string;
}

/** A class by the accepted rules and by the kernel's classifier; absent where no rule distinguishes programs. */
export interface ClassCandidate {
  readonly declared?: NamedClass;
  readonly live?: NamedClass;
}

/** The classes that the flow's socket may have. */
export interface SocketClasses {
  /** One where it is known. */
  readonly candidates: readonly [ClassCandidate, ...ClassCandidate[]];
  /** Why there are several. */
  readonly why: string;
  /** By the accepted rules, of each program in its order; undefined where it is not known. */
  readonly numbers: readonly (number | undefined)[];
  readonly notes: readonly string[];
  readonly disagreements: readonly string[];
}

const NO_CLASS = "explained for a program without a class (S4.13)";
const UNREADABLE = "awg cannot read which of these rules matches first";
const SEVERAL = "rules treat these processes differently; name one with --pid";
const UNNAMED = "explained for any program of this user that no rule names; name one with --pid or --app";
const NONE: NamedClass = { number: 0, meaning: "none" };

/** The classes of what the programs send, or of a program of the user that no rule names where there are none. Reads only. */
export async function readSocketClasses(
  parts: HostParts,
  accepted: readonly Resource[],
  { programs, uid }: { readonly programs: readonly Program[]; readonly uid: number },
): Promise<SocketClasses> {
  const spec = accepted.find(({ kind }) => kind === "classifier")?.spec as ClassifierSpec | undefined;
  if (spec === undefined) {
    const notes = programs.length === 0 ? [] : ["no rule names a program"];
    return { candidates: [{}], why: "", numbers: [], notes, disagreements: [] };
  }
  const senders = programs.length === 0 ? [unnamed(uid)] : programs;
  const observed = await parts.host.classifier?.read();
  const classesBy = await readClassesBy(parts, senders);
  const possible = classesBy(spec);
  const liveOf = liveClasses(classesBy, spec, observed === undefined ? undefined : classifierAsSpec(observed));
  const candidateOf = (number: number) => ({ declared: named(spec, number), live: liveOf(number) });
  const [first = 0, ...others] = [...new Set(possible.flat())];
  return {
    candidates: [candidateOf(first), ...others.map(candidateOf)],
    why: possible.some((numbers) => numbers.length > 1) ? UNREADABLE : SEVERAL,
    numbers: programs.length === 0 ? [] : possible.map(([number, ...more]) => (more.length === 0 ? number : undefined)),
    notes: [...(programs.length === 0 ? [UNNAMED] : []), ...(others.length === 0 && first === 0 ? [NO_CLASS] : [])],
    disagreements: classifierFaults(spec, observed),
  };
}

/** The class that the kernel gives a socket which the accepted rules give a class; none without its classifier. Pure. */
function liveClasses(
  classesBy: ClassesBy,
  spec: ClassifierSpec,
  loaded: ClassifierSpec | undefined,
): (number: number) => NamedClass {
  if (loaded === undefined) return () => NONE;
  if (sameData(loaded, spec)) return (number) => named(loaded, number);
  const [[first = 0] = []] = classesBy(loaded);
  return () => named(loaded, first);
}

/** A program without a file and arguments: no rule by program matches it. */
function unnamed(uid: number): Program {
  return { pid: 0, since: 0n, parentPid: 0, uid, name: "", path: "", commandLine: [], cgroup: null };
}

function named(spec: ClassifierSpec, number: number): NamedClass {
  const found = spec.classes.find((one) => one.number === number);
  if (found === undefined) return NONE;
  const held = found.conditions.flatMap((at) => spec.conditions[at] ?? []);
  const texts = held.map((condition) => conditionText(condition, spec.atoms));
  return { number, meaning: texts.length === 0 ? "a program that no rule names" : texts.join("; ") };
}

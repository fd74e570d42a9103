import type { ClassifierSpec } from "../../model/program/classifier.ts";
import { conditionText } from "../../model/program/classifier-text.ts";
import type { Program } from "../../model/program/program.ts";
import type { Resource } from "../../model/resource.ts";
import { classifierAsSpec } from "../../resources/classifier/classifier.ts";
import type { HostParts } from "../parts.ts";
import { classifierFaults } from "../programs/classifier-faults.ts";
import { classesOf } from "../programs/list-programs.ts";

/** A class of sockets, 0 for none, and the programs that have it. */
export interface NamedClass {
  readonly number: number;
  readonly meaning: string;
}

/** The class of the flow's socket by the accepted rules and by the kernel's classifier. */
export interface SocketClasses {
  /** Absent where no rule distinguishes programs. */
  readonly declared?: NamedClass;
  readonly live?: NamedClass;
  /** By the accepted rules, of each program in its order. */
  readonly numbers: readonly (number | undefined)[];
  readonly notes: readonly string[];
  readonly disagreements: readonly string[];
}

const NO_CLASS = "explained for a program without a class (S4.13)";
const UNKNOWN_CLASS = "what decides the class could not be read: explained for a program without a class (S4.13)";
const UNNAMED = "explained for a program that no rule names; name one with --pid or --app";
const NONE: NamedClass = { number: 0, meaning: "none" };

/**
 * The class of what the programs send, or a program of the user that no rule names where there are none. Programs of
 * different classes, and one that is not known, count as without a class. Reads only.
 */
export async function readSocketClasses(
  parts: HostParts,
  accepted: readonly Resource[],
  { programs, uid }: { readonly programs: readonly Program[]; readonly uid: number },
): Promise<SocketClasses> {
  const spec = accepted.find(({ kind }) => kind === "classifier")?.spec as ClassifierSpec | undefined;
  if (spec === undefined) {
    const notes = programs.length === 0 ? [] : ["no rule names a program"];
    return { numbers: [], notes, disagreements: [] };
  }
  const senders = programs.length === 0 ? [unnamed(uid)] : programs;
  const observed = await parts.host.classifier?.read();
  const loaded = observed === undefined ? undefined : classifierAsSpec(observed);
  const numbers = await classesOf(parts, spec, senders);
  const [only, ...others] = new Set(numbers);
  const isKnown = others.length === 0 && only !== undefined && only !== 0;
  const declared = isKnown ? named(spec, only) : NONE;
  const inKernel = loaded === undefined ? [] : await classesOf(parts, loaded, senders);
  const live = isKnown && loaded !== undefined ? named(loaded, inKernel[0] ?? 0) : NONE;
  return {
    declared,
    live,
    numbers: programs.length === 0 ? [] : numbers,
    notes: [
      ...(programs.length === 0 ? [UNNAMED] : []),
      ...(others.length > 0 ? ["rules treat these processes differently; name one with --pid"] : []),
      ...(isKnown ? [] : [numbers.includes(undefined) ? UNKNOWN_CLASS : NO_CLASS]),
    ],
    disagreements: differences(declared, live, classifierFaults(spec, observed)),
  };
}

/** A program without a file: no rule by file matches it. */
function unnamed(uid: number): Program {
  return { pid: 0, since: 0n, parentPid: 0, uid, name: "", path: "", cgroup: null };
}

function named(spec: ClassifierSpec, number: number): NamedClass {
  const found = spec.classes.find((one) => one.number === number);
  if (found === undefined) return NONE;
  const held = found.conditions.flatMap((at) => spec.conditions[at] ?? []);
  const texts = held.map((condition) => conditionText(condition, spec.atoms));
  return { number, meaning: texts.length === 0 ? "a program that no rule names" : texts.join("; ") };
}

function differences(declared: NamedClass, live: NamedClass, faults: readonly string[]): readonly string[] {
  if (faults.length > 0 || declared.number === live.number) return faults;
  return [`class: declared ${declared.number}, the kernel gives ${live.number}`];
}

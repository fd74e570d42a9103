import type { Instruction } from "../../../../native/linux/bpf/instruction.ts";
import { AT, addAtomsIfFound, call, constant, HELPER, jumpIf, LIMITS, label, lookUp, store } from "./emit.ts";
import type { ClassifierQuestion } from "./question.ts";

/** Adds the atoms of the user of the process that runs, from the LPM map of users. */
export function userAtoms({ maps }: ClassifierQuestion): Instruction[] {
  return [
    call(HELPER.uidAndGid),
    { kind: "alu", op: "and", target: 0, by: { constant: -1 } },
    { kind: "store", bits: 32, base: 10, offset: AT.number + 4, value: { register: 0 } },
    // A prefix of 32 bits, then the uid with its highest byte first, as an LPM map compares them.
    { kind: "store", bits: 32, base: 10, offset: AT.number, value: { constant: 32 } },
    { kind: "load", bits: 8, target: 1, base: 10, offset: AT.number + 4 },
    { kind: "load", bits: 8, target: 2, base: 10, offset: AT.number + 5 },
    { kind: "load", bits: 8, target: 3, base: 10, offset: AT.number + 6 },
    { kind: "load", bits: 8, target: 4, base: 10, offset: AT.number + 7 },
    { kind: "store", bits: 8, base: 10, offset: AT.number + 4, value: { register: 4 } },
    { kind: "store", bits: 8, base: 10, offset: AT.number + 5, value: { register: 3 } },
    { kind: "store", bits: 8, base: 10, offset: AT.number + 6, value: { register: 2 } },
    { kind: "store", bits: 8, base: 10, offset: AT.number + 7, value: { register: 1 } },
    ...lookUp(maps.users, AT.number),
    ...addAtomsIfFound(undefined, "user"),
  ];
}

/** Adds the atoms of each cgroup above the process, from level 1 (below the root) down to its own. */
export function cgroupAtoms({ maps }: ClassifierQuestion): Instruction[] {
  const levels: Instruction[] = [];
  for (let level = 1; level <= LIMITS.cgroups; level += 1) {
    levels.push(
      constant(1, level),
      call(HELPER.ancestorCgroupId),
      jumpIf(0, "==", 0, "cgroups-end"),
      store(AT.pointer, 0),
      ...lookUp(maps.cgroups, AT.pointer),
      ...addAtomsIfFound(undefined, `cgroup${level}`),
    );
  }
  return [...levels, label("cgroups-end")];
}

import { describe, expect, test } from "vitest";
import { matchProgram } from "../../../src/app/programs/match-program.ts";
import type { ClassifierAtom, ClassifierSpec } from "../../../src/model/program/classifier.ts";
import type { Program } from "../../../src/model/program/program.ts";
import { type ClassContext, classOfProgram, possibleClassesOf } from "../../../src/model/program/program-class.ts";

const INIT: Program = { pid: 1, since: 0n, parentPid: 0, uid: 0, name: "init", path: "/sbin/init", cgroup: "/" };
const SHELL: Program = { ...INIT, pid: 10, parentPid: 1, uid: 1000, path: "/usr/bin/bash" };
const CURL: Program = { ...INIT, pid: 11, parentPid: 10, uid: 1000, path: "/opt/a/curl", cgroup: "/user.slice/one" };
const AROUND: ClassContext = {
  byPid: new Map([INIT, SHELL, CURL].map((program) => [program.pid, program])),
  realPath: (path) => (path === "/usr/local/bin/curl" ? "/opt/a/curl" : path),
};

/** Class 2 where the atom holds, else 1. */
function one(atom: ClassifierAtom): ClassifierSpec {
  const classes = [
    { number: 1, conditions: [] },
    { number: 2, conditions: [0] },
  ];
  return { atoms: [atom], conditions: [{ atom: 0 }], final: [0], classes };
}

describe("the class of a program", () => {
  test.each<[ClassifierAtom, Program, number | undefined]>([
    [{ file: "/opt/a/curl", of: "self" }, CURL, 2],
    [{ file: "/usr/local/bin/curl", of: "self" }, CURL, 2],
    [{ file: "/opt/b/curl", of: "self" }, CURL, 1],
    [{ folder: "/opt", of: "self" }, CURL, 2],
    [{ folder: "/op", of: "self" }, CURL, 1],
    [{ name: "curl", of: "self" }, CURL, 2],
    [{ name: "bash", of: "self" }, CURL, 1],
    [{ name: "bash", of: "self-or-ancestor" }, CURL, 2],
    [{ name: "bash", of: "ancestor" }, CURL, 2],
    [{ name: "curl", of: "ancestor" }, CURL, 1],
    [{ name: "other", of: "self-or-ancestor" }, { ...CURL, parentPid: 99 }, undefined],
    [{ name: "curl", of: "self-or-ancestor" }, { ...CURL, parentPid: 99 }, 2],
    [{ name: "curl", of: "self" }, { ...CURL, path: null }, 1],
    [{ glob: "/opt/*/curl", of: "self" }, CURL, 2],
    [{ contains: "bin/ba", of: "self-or-ancestor" }, CURL, 2],
    [{ regex: "^/opt/[b-z]/", of: "self" }, CURL, 1],
    [{ regex: "curl", of: "self" }, { ...CURL, isElsewhere: true }, undefined],
    [{ file: "/opt/a/curl", of: "self" }, { ...CURL, isElsewhere: true }, undefined],
    [{ name: "curl", of: "self" }, { ...CURL, isElsewhere: true }, 2],
    [{ commandLine: " -s( |$)" }, { ...CURL, commandLine: ["curl", "-s"] }, 2],
    [{ commandLine: " -s( |$)" }, { ...CURL, commandLine: ["curl", "-ss"] }, 1],
    [{ commandLine: "-s" }, CURL, undefined],
    [{ commandLine: "-s" }, { ...CURL, path: null }, 1],
    [{ users: [[1000, 1001]] }, CURL, 2],
    [{ users: [[1001, 1002]] }, CURL, 1],
    [{ cgroup: "user.slice" }, CURL, 2],
    [{ cgroup: "user.slice/on" }, CURL, 1],
  ])("%j of %o is %j", (atom, program, number) => {
    expect(classOfProgram(one(atom), program, AROUND)).toBe(number);
  });

  test("a value that could not be read matters only where it decides", () => {
    const { path: _, ...hidden } = CURL;
    expect(classOfProgram(one({ name: "curl", of: "self" }), hidden, AROUND)).toBeUndefined();
    const spec: ClassifierSpec = {
      atoms: [{ users: [[1000, 1000]] }, { name: "curl", of: "self" }],
      conditions: [{ atom: 0 }, { all: [{ atom: 1 }, { not: { atom: 0 } }] }],
      final: [0],
      classes: [{ number: 7, conditions: [0] }],
    };
    expect(classOfProgram(spec, hidden, AROUND)).toBe(7);
    expect(classOfProgram(spec, { ...CURL, uid: 5 }, AROUND)).toBe(0);
    expect(classOfProgram({ ...spec, final: [] }, hidden, AROUND)).toBe(7);
  });

  test("what is known leaves some classes, and a final condition ends the question", () => {
    const spec: ClassifierSpec = {
      atoms: [{ users: [[1000, 1000]] }, { commandLine: "-s" }, { name: "curl", of: "self" }],
      conditions: [{ atom: 1 }, { atom: 0 }, { atom: 2 }],
      final: [1],
      classes: [
        { number: 1, conditions: [] },
        { number: 2, conditions: [2] },
        { number: 3, conditions: [1] },
        { number: 4, conditions: [0, 1] },
        { number: 5, conditions: [0, 2] },
      ],
    };
    expect(possibleClassesOf(spec, CURL, AROUND)).toEqual([3, 4]);
    expect(possibleClassesOf(spec, { ...CURL, uid: 5 }, AROUND)).toEqual([2, 5]);
    expect(possibleClassesOf(spec, { ...CURL, uid: 5, commandLine: [] }, AROUND)).toEqual([2]);
    expect(possibleClassesOf({ ...spec, classes: [] }, CURL, AROUND)).toEqual([0]);
  });

  test("a rule of the policy asks for it", () => {
    const around = { uids: {}, byPid: AROUND.byPid, hasBundles: false };
    const withClass = (...numbers: readonly number[]) => ({ ...around, classesOf: () => numbers });
    expect(matchProgram({ classes: { in: [2] } }, CURL, withClass(2))).toBe("yes");
    expect(matchProgram({ classes: { in: [2] } }, CURL, withClass(0))).toBe("no");
    expect(matchProgram({ classes: { otherThan: [1, 2] } }, CURL, withClass(0))).toBe("yes");
    expect(matchProgram({ classes: { otherThan: [1, 2] } }, CURL, withClass(2))).toBe("no");
    expect(matchProgram({ classes: { in: [2] } }, CURL, withClass())).toBe("unknown");
    expect(matchProgram({ classes: { in: [2] } }, CURL, withClass(1, 2))).toBe("unknown");
    expect(matchProgram({ classes: { in: [2] } }, CURL, withClass(1, 3))).toBe("no");
  });
});

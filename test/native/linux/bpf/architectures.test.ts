import { existsSync, readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { KERNEL_MEMBERS } from "../../../../src/host/linux/classifier/program/kernel-members.ts";
import { classifierProgram } from "../../../../src/host/linux/classifier/program/program.ts";
import type { ClassifierQuestion } from "../../../../src/host/linux/classifier/program/question.ts";
import { CLASS_MARK } from "../../../../src/model/ownership.ts";
import { SYS_BPF } from "../../../../src/native/linux/bpf/bpf.ffi.ts";
import { assemble } from "../../../../src/native/linux/bpf/instruction.ts";

/** Where distributions have the numbers of system calls: 64-bit Arm uses the generic ones. */
const HEADERS = { x64: "/usr/include/x86_64-linux-gnu/asm/unistd_64.h", arm64: "/usr/include/asm-generic/unistd.h" };

describe("the classifier on x86-64 and 64-bit Arm", () => {
  test.skipIf(!Object.values(HEADERS).every((path) => existsSync(path)))("bpf(2) has the number of the header", () => {
    for (const [architecture, path] of Object.entries(HEADERS)) {
      const number = Number(/^#define __NR_bpf (\d+)$/m.exec(readFileSync(path, "utf8"))?.[1]);
      expect([architecture, SYS_BPF[architecture]]).toEqual([architecture, number]);
    }
  });

  test("its machine code is that of BPF, and differs by the offsets of the kernel alone", () => {
    const code = (shift: number) => assemble(classifierProgram("socketAddress", question(shift)));
    const [one, other] = [code(0), code(64)];
    expect(other).toHaveLength(one.length);
    const differing = [...one.keys()].filter((at) => one[at] !== other[at]);
    expect(differing.length).toBeGreaterThan(0);
    // An instruction has eight bytes; its constant is in the last four. All that differs are constants added to r3 or taken from r0.
    expect(new Set(differing.map((at) => at - (at % 8)).map((at) => `${one[at]} ${one[at + 1]}`))).toEqual(
      new Set([`${0x07} 3`, `${0x17} 0`]),
    );
  });
});

/** A question with a pattern of each kind, on a kernel whose members are all further on by `shift`. */
function question(shift: number): ClassifierQuestion {
  const maps = [
    "namespaces",
    "files",
    "entries",
    "folders",
    "names",
    "users",
    "cgroups",
    "seen",
    "patterns",
    "classes",
    "spec",
  ];
  return {
    offsets: new Map(KERNEL_MEMBERS.map((member, index) => [member, 8 * index + shift])),
    maps: Object.fromEntries(maps.map((name, index) => [name, index + 3])) as unknown as ClassifierQuestion["maps"],
    conditions: [{ any: [{ atom: 0 }, { atom: 1 }] }],
    usesUsers: true,
    usesCgroups: true,
    usesFolders: true,
    final: 1n,
    own: [3n, 0n],
    inherited: [1n, 0n],
    patterns: { states: 4, paths: 1, commands: [{ atom: 1, state: 1 }] },
    hostUsers: 0xeffffffd,
    mark: CLASS_MARK,
  };
}

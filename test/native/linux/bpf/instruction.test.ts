import { describe, expect, test } from "vitest";
import { encodeFunctionInfo } from "../../../../src/native/linux/bpf/function-types.codec.ts";
import { assemble, functionOffsets, type Instruction } from "../../../../src/native/linux/bpf/instruction.ts";

const hex = (...instructions: readonly Instruction[]) => Buffer.from(assemble(instructions)).toString("hex");

describe("BPF instructions (RFC 9669)", () => {
  test.each<[string, Instruction, string]>([
    ["r1 = r6", { kind: "alu", op: "mov", target: 1, by: { register: 6 } }, "bf61000000000000"],
    ["r0 = 1", { kind: "alu", op: "mov", target: 0, by: { constant: 1 } }, "b700000001000000"],
    ["r2 += -8", { kind: "alu", op: "add", target: 2, by: { constant: -8 } }, "07020000f8ffffff"],
    ["r9 <<= 5", { kind: "alu", op: "lsh", target: 9, by: { constant: 5 } }, "6709000005000000"],
    ["r1 = *(u32 *)(r6 + 16)", { kind: "load", bits: 32, target: 1, base: 6, offset: 16 }, "6161100000000000"],
    [
      "*(u64 *)(r10 - 8) = r0",
      { kind: "store", bits: 64, base: 10, offset: -8, value: { register: 0 } },
      "7b0af8ff00000000",
    ],
    [
      "*(u32 *)(r10 - 16) = 32",
      { kind: "store", bits: 32, base: 10, offset: -16, value: { constant: 32 } },
      "620af0ff20000000",
    ],
    ["call 35", { kind: "call", helper: 35 }, "8500000023000000"],
    ["exit", { kind: "exit" }, "9500000000000000"],
    ["r1 = map 7", { kind: "map", target: 1, descriptor: 7 }, "18110000070000000000000000000000"],
    ["r1 = the value of map 7", { kind: "map-value", target: 1, descriptor: 7 }, "18210000070000000000000000000000"],
    ["r3 = *(u16 *)(r1 + 0)", { kind: "load", bits: 16, target: 3, base: 1, offset: 0 }, "6913000000000000"],
    [
      "r2 = 0xfedcba9876543210",
      { kind: "constant64", target: 2, value: 0xfedc_ba98_7654_3210n },
      "18020000103254760000000098badcfe",
    ],
  ])("%s", (_text, instruction, bytes) => {
    expect(hex(instruction)).toBe(bytes);
  });

  test("a jump goes to its label, over constants of two slots, ahead and back", () => {
    const text = hex(
      { kind: "label", name: "start" },
      { kind: "jump-if", left: 0, condition: "==", right: { constant: 0 }, to: "end" },
      { kind: "constant64", target: 1, value: 1n },
      { kind: "jump", to: "start" },
      { kind: "label", name: "end" },
      { kind: "exit" },
    );
    expect(text.match(/.{16}/g)?.filter((_, index) => index === 0 || index === 3)).toEqual([
      "1500030000000000",
      "0500fcff00000000",
    ]);
  });

  test("a function is named by its distance, and the kernel gets where each begins", () => {
    const code: readonly Instruction[] = [
      { kind: "function", target: 2, name: "step" },
      { kind: "exit" },
      { kind: "label", name: "step", isFunction: true },
      { kind: "exit" },
    ];
    expect(hex(...code).slice(0, 32)).toBe("18420000020000000000000000000000");
    expect(functionOffsets(code)).toEqual([0, 3]);
    expect(Buffer.from(encodeFunctionInfo(functionOffsets(code))).toString("hex")).toBe(
      "00000000050000000300000006000000",
    );
  });

  test("a jump to a label that is missing is a mistake of the program", () => {
    expect(() => assemble([{ kind: "jump", to: "nowhere" }])).toThrow("no label nowhere");
  });
});

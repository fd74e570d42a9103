import { existsSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { readMemberOffsets } from "../../../../src/native/linux/bpf/btf.codec.ts";

const KIND = { int: 1, pointer: 2, struct: 4, union: 5, const: 10 } as const;

/** The bytes of a BTF section, type by type (Documentation/bpf/btf.rst); type numbers start at 1. */
function btf(): Uint8Array {
  const names = ["", "outer", "first", "path", "mnt", "dentry", "flags", "int"];
  const strings = Buffer.from(names.map((name) => `${name}\0`).join(""));
  const name = (text: string) => Buffer.from(names.slice(0, names.indexOf(text)).join("\0") + (text && "\0")).length;
  const type = (text: string, kind: number, count: number, size: number, ...rest: number[]) => [
    name(text),
    (kind << 24) | count,
    size,
    ...rest,
  ];
  const words = [
    ...type("int", KIND.int, 0, 4, 32), // 1
    ...type("", KIND.pointer, 0, 1), // 2
    ...type("path", KIND.struct, 2, 16, name("mnt"), 2, 0, name("dentry"), 2, 64), // 3
    ...type("", KIND.const, 0, 3), // 4: const struct path
    ...type("", KIND.union, 1, 16, name("path"), 4, 0), // 5: unnamed
    // 6: its last member is a bitfield of three bits, as the highest bit of the information says.
    ...type(
      "outer",
      KIND.struct | 0x80,
      3,
      40,
      name("first"),
      1,
      0,
      name(""),
      5,
      64,
      name("flags"),
      1,
      0x0300_0000 | 193,
    ),
  ];
  const types = Buffer.from(Uint32Array.from(words).buffer);
  const header = Buffer.alloc(24);
  header.writeUInt16LE(0xeb9f, 0);
  header.writeUInt8(1, 2);
  for (const [at, value] of [24, 0, types.length, types.length, strings.length].entries()) {
    header.writeUInt32LE(value, 4 + 4 * at);
  }
  return Buffer.concat([header, types, strings]);
}

describe("the kernel's types", () => {
  test("gives members of structures, of unnamed unions and behind const; none for what is absent or no whole byte", () => {
    const wanted = ["outer.first", "outer.path.dentry", "path.mnt", "outer.flags", "outer.gone", "nothing.first"];
    expect([...readMemberOffsets(btf(), wanted)]).toEqual([
      ["outer.first", 0],
      ["outer.path.dentry", 16],
      ["path.mnt", 0],
    ]);
  });

  test("bytes that are damaged give offsets or a RangeError, and end", () => {
    const whole = btf();
    fc.assert(
      fc.property(fc.nat(whole.length - 1), fc.nat(255), fc.nat(whole.length), (at, byte, length) => {
        const damaged = Uint8Array.from(whole).subarray(0, length);
        if (at < damaged.length) damaged[at] = byte;
        try {
          readMemberOffsets(damaged, ["outer.first", "outer.path.dentry"]);
        } catch (error) {
          expect(error).toBeInstanceOf(RangeError);
        }
      }),
      { seed: 23, numRuns: 500 },
    );
  });

  test.skipIf(!existsSync("/sys/kernel/btf/vmlinux"))("this kernel's own has the members of a task and a file", () => {
    const offsets = readMemberOffsets(readFileSync("/sys/kernel/btf/vmlinux"), [
      "task_struct.mm",
      "file.f_path.dentry",
    ]);
    expect([...offsets.values()].every((offset) => offset > 0 && offset % 8 === 0)).toBe(true);
    expect(offsets.size).toBe(2);
  });
});

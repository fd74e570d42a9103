import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { DARWIN_ERRNO } from "../../../src/native/darwin/errno.ts";
import { LAYOUTS } from "../../../src/native/darwin/layouts.ts";
import { PFIOC_RULE } from "../../../src/native/darwin/pf-rule.codec.ts";
import { PROCESS_LAYOUTS } from "../../../src/native/darwin/process/process-layouts.ts";
import {
  readCharacters,
  readSigned,
  readUnsigned,
  readUnsigned64,
  type StructLayout,
  writeCharacters,
  writeNumber,
  writeNumber64,
} from "../../../src/native/darwin/struct.codec.ts";
import { abiConstants, abiTable } from "../../facts/darwin/abi-table.ts";
import { filesBelow } from "../../repository/sources.ts";

/** Records that say their own length, of which awg reads the part that all versions have. */
const GROWING = ["xsocket_n"];

/** The name of every constant group and number that our darwin code declares, whichever file it stands in. */
async function declaredConstants(): Promise<Map<string, number | string>> {
  const declared = new Map<string, number | string>();
  for (const file of filesBelow("src/native/darwin").filter((name) => /constants[^/]*\.ts$/.test(name))) {
    const module = (await import(join("../../..", file))) as Record<string, unknown>;
    for (const group of Object.values(module)) {
      if (typeof group !== "object" || group === null) continue;
      for (const [name, value] of Object.entries(group)) declared.set(name, value as number | string);
    }
  }
  return declared;
}

/** Every table of layouts that our darwin code declares, whichever file it stands in. */
async function declaredLayouts(): Promise<Map<string, StructLayout>> {
  const declared = new Map<string, StructLayout>();
  for (const file of filesBelow("src/native/darwin").filter((name) => /layouts[^/]*\.ts$/.test(name))) {
    const module = (await import(join("../../..", file))) as Record<string, Readonly<Record<string, StructLayout>>>;
    for (const group of Object.values(module)) {
      for (const [name, layout] of Object.entries(group)) declared.set(name, layout);
    }
  }
  return declared;
}

describe("macOS's ABI as Apple's headers have it", () => {
  const known: Readonly<Record<string, unknown>> = {
    ...abiConstants,
    ...abiTable.enum_constants,
    ...abiTable.ioctls,
    ...abiTable.strings,
    ...abiTable.syscalls,
  };

  it("has every struct, field and constant that awg names, and prints how many", async () => {
    const layouts = await declaredLayouts();
    let fields = 0;
    for (const [name, layout] of layouts) {
      const struct = abiTable.structs[name];
      if (struct === undefined) throw new Error(`the table has no struct ${name}`);
      expect(layout.size, `size of ${name}`).toBe(struct.size);
      for (const [field, at] of Object.entries(layout.fields)) {
        expect(at, `${name}.${field}`).toEqual(struct.fields[field]?.slice(0, 2));
        fields += 1;
      }
    }
    const declared = await declaredConstants();
    for (const [name, value] of declared) expect(known[name], name).toBe(value);
    process.stdout.write(
      `ABI of macOS: ${layouts.size} structs, ${fields} fields, ${declared.size} constants, ` +
        `${Object.keys(DARWIN_ERRNO).length} errnos compared\n`,
    );
    expect(layouts.size).toBeGreaterThanOrEqual(20);
    expect(declared.size).toBeGreaterThanOrEqual(80);
  });

  it("names no struct of the table in darwin's code that is not among the compared ones", async () => {
    const layouts = await declaredLayouts();
    const mentioned = new Set<string>();
    for (const file of filesBelow("src/native/darwin").filter((name) => name.endsWith(".ts"))) {
      for (const [, name = ""] of readFileSync(file, "utf8").matchAll(/LAYOUTS\.(\w+)/g)) mentioned.add(name);
    }
    expect(mentioned.size).toBeGreaterThan(10);
    expect([...mentioned].filter((name) => !layouts.has(name))).toEqual([]);
    expect(
      [...layouts.keys()].filter((name) => !mentioned.has(name)),
      "compared but used by no codec",
    ).toEqual([]);
  });

  it("names what of it was otherwise on a macOS since 11.5: PF's status on 11.5, the signer's kind on 11.5 and 12.5", async () => {
    const { structs, constants_that_changed: changed } = abiTable;
    const different: string[] = [];
    const layouts = new Map<string, StructLayout>([...(await declaredLayouts()), ["pfioc_rule", PFIOC_RULE]]);
    for (const [name, layout] of layouts) {
      expect(structs[name], name).toBeDefined();
      for (const [tag, then] of Object.entries(structs[name]?.layout_differs_in ?? {})) {
        const isGone = typeof then === "string";
        if (isGone || (then.size !== layout.size && !GROWING.includes(name))) different.push(`${name} ${tag}`);
        if (isGone) continue;
        for (const [field, at] of Object.entries(layout.fields)) {
          const moved = then.fields_at_other_offset[field];
          if (then.fields_absent.includes(field) || (moved !== undefined && moved.offset !== at[0]))
            different.push(`${name}.${field} ${tag}`);
        }
      }
    }
    for (const name of (await declaredConstants()).keys()) {
      const { other_values: values = {}, absent_in: absent = [] } = changed[name] ?? {};
      different.push(...[...Object.keys(values), ...absent].map((tag) => `${name} ${tag}`));
    }
    expect(different.toSorted()).toEqual([
      "CS_OPS_VALIDATION_CATEGORY xnu-7195.141.2",
      "CS_OPS_VALIDATION_CATEGORY xnu-8020.140.41",
      "DIOCGETSTATUS xnu-7195.141.2",
      "pf_status xnu-7195.141.2",
      "pf_status.running xnu-7195.141.2",
      "pf_status.states xnu-7195.141.2",
    ]);
  });

  it("numbers the errnos as Darwin does, not as Linux does", () => {
    for (const [number, [name]] of Object.entries(DARWIN_ERRNO)) expect(abiConstants[name], name).toBe(Number(number));
  });
});

describe("a field of a struct", () => {
  const fields = Object.entries({ ...LAYOUTS, ...PROCESS_LAYOUTS, pfioc_rule: PFIOC_RULE }).flatMap(([name, layout]) =>
    Object.entries(layout.fields as StructLayout["fields"]).map(
      ([field, at]) => [`${name}.${field}`, layout.size, at] as const,
    ),
  );

  it.each(fields)("%s keeps what is written to it and touches no other byte", (_name, size, at) => {
    const bytes = new Uint8Array(size).fill(0xa5);
    const [offset, width] = at;
    if (width === 8) {
      writeNumber64(bytes, 0, at, 0x0102_0304_0506_0708n);
      expect(readUnsigned64(bytes, 0, at)).toBe(0x0102_0304_0506_0708n);
      expect(bytes[offset]).toBe(8);
    } else if (width <= 4 && width !== 3) {
      const value = [0, 0xfe, 0xfedc, 0, 0xfedc_ba98][width] ?? 0;
      writeNumber(bytes, 0, at, value);
      expect(readUnsigned(bytes, 0, at)).toBe(value);
      expect(readSigned(bytes, 0, at)).toBe(value - 2 ** (8 * width));
      expect(bytes[offset]).toBe(value & 0xff);
    } else {
      const text = "awg".padEnd(width - 1, ".");
      bytes.fill(0, offset, offset + width);
      writeCharacters(bytes, 0, at, text);
      expect(readCharacters(bytes, 0, at)).toBe(text);
    }
    const rest = [...bytes.subarray(0, offset), ...bytes.subarray(offset + width)];
    expect(rest.every((byte) => byte === 0xa5)).toBe(true);
  });
});

/**
 * Writes abi.json: the part of a whole table of macOS's ABI that the project names.
 *
 *   node test/facts/darwin/take-abi.script.ts PATH/darwin-abi.json
 *
 * Taken are the structs whose name a source or test of macOS contains, and all constants, ioctls and system calls.
 */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { filesBelow } from "../../repository/sources.ts";
import type { AbiField, AbiStruct, AbiTable } from "./abi-table.ts";

interface WholeField {
  readonly name: string;
  readonly offset: number;
  readonly size?: number;
  readonly type: string;
  readonly kind?: "int" | "pointer" | "struct" | "union";
  readonly signed?: boolean;
}

interface WholeTable extends Pick<AbiTable, "constants" | "enum_constants" | "constants_that_changed" | "syscalls"> {
  readonly about: { readonly baseline: string; readonly method: readonly string[]; readonly tags: object };
  readonly structs: Readonly<
    Record<string, Omit<AbiStruct, "header" | "fields"> & { source: { file: string }; fields: readonly WholeField[] }>
  >;
  readonly ioctls: Readonly<Record<string, { readonly value: number }>>;
  readonly string_constants: Readonly<Record<string, { readonly value: string }>>;
}

const [, , path] = process.argv;
if (path === undefined) throw new Error("give the path of the whole table");
const whole = JSON.parse(readFileSync(path, "utf8")) as WholeTable;
const named = wordsOf([...filesBelow("src"), ...filesBelow("test")].filter((file) => file.endsWith(".ts")));

const table: AbiTable = {
  about: {
    what: "Sizes, offsets and numbers of macOS (LP64, little endian; arm64 and x86_64), compiled from Apple's headers",
    source: "the headers of xnu (github.com/apple-oss-distributions/xnu); facts only, no text of theirs",
    field: "[offset, size, type, unsigned | signed | pointer | struct | union; nothing for an array]",
    ...{ baseline: whole.about.baseline, method: whole.about.method, tags: whole.about.tags },
  },
  structs: mapped(
    Object.fromEntries(Object.entries(whole.structs).filter(([name]) => named.has(name))),
    ({ size, align, source, layout_differs_in, fields }) => ({
      ...{ size, align, header: source.file, layout_differs_in },
      fields: Object.fromEntries(fields.flatMap((field) => fieldOf(field))),
    }),
  ),
  constants: whole.constants,
  enum_constants: whole.enum_constants,
  ioctls: mapped(whole.ioctls, ({ value }) => value),
  strings: mapped(whole.string_constants, ({ value }) => value),
  syscalls: whole.syscalls,
  constants_that_changed: whole.constants_that_changed,
};
writeFileSync(join(import.meta.dirname, "abi.json"), linesOf(table));

function fieldOf({ name, offset, size, type, kind, signed }: WholeField): [string, AbiField][] {
  if (size === undefined) return []; // a bit field
  if (kind === undefined) return [[name, [offset, size, type]]];
  const sort = kind === "int" ? (signed === true ? "signed" : "unsigned") : kind;
  return [[name, [offset, size, type, sort]]];
}

function mapped<From, To>(record: Readonly<Record<string, From>>, change: (value: From) => To): Record<string, To> {
  return Object.fromEntries(Object.entries(record).map(([name, value]) => [name, change(value)]));
}

function wordsOf(files: readonly string[]): ReadonlySet<string> {
  return new Set(files.flatMap((file) => readFileSync(file, "utf8").match(/\w+/g) ?? []));
}

/** JSON with one line for each struct, header or number. */
function linesOf(value: object): string {
  const parts = Object.entries(value).map(([name, part]: [string, object]) => {
    const lines = Object.entries(part).map(([key, one]) => `    ${JSON.stringify(key)}: ${JSON.stringify(one)}`);
    return `  ${JSON.stringify(name)}: {\n${lines.join(",\n")}\n  }`;
  });
  return `{\n${parts.join(",\n")}\n}\n`;
}

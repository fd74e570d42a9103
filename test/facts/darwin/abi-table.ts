import { readFileSync } from "node:fs";
import { join } from "node:path";

/** A field as Apple's headers declare it; an array has no kind. */
export type AbiField = readonly [
  offset: number,
  size: number,
  type: string,
  kind?: "unsigned" | "signed" | "pointer" | "struct" | "union",
];

/** How a struct was in another version. */
interface OtherLayout {
  readonly size: number;
  readonly fields_absent: readonly string[];
  readonly fields_at_other_offset: Readonly<Record<string, { readonly offset: number }>>;
}

export interface AbiStruct {
  readonly size: number;
  readonly align: number;
  readonly header: string;
  /** By the tag of xnu; a text where that version has no such struct. */
  readonly layout_differs_in: Readonly<Record<string, string | OtherLayout>>;
  readonly fields: Readonly<Record<string, AbiField>>;
}

/** The ABI of macOS, compiled from Apple's headers; test/facts/README.md names the source. */
export interface AbiTable {
  readonly about: object;
  readonly structs: Readonly<Record<string, AbiStruct>>;
  /** By header. */
  readonly constants: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly enum_constants: Readonly<Record<string, number>>;
  readonly ioctls: Readonly<Record<string, number>>;
  readonly strings: Readonly<Record<string, string>>;
  readonly syscalls: Readonly<Record<string, unknown>>;
  readonly constants_that_changed: Readonly<
    Record<string, { readonly other_values?: Readonly<Record<string, number>>; readonly absent_in?: readonly string[] }>
  >;
}

export const abiTable = JSON.parse(readFileSync(join(import.meta.dirname, "abi.json"), "utf8")) as AbiTable;

/** The constants of all headers. */
export const abiConstants: Readonly<Record<string, number>> = Object.assign({}, ...Object.values(abiTable.constants));

import { readFileSync } from "node:fs";
import { factsFolder } from "../../support/facts.ts";

/** A field as Apple's headers declare it; `kind` is absent of arrays and bit fields, `signed` of all but numbers. */
interface TableField {
  readonly name: string;
  readonly offset: number;
  readonly size: number;
  readonly type?: string;
  readonly kind?: "int" | "pointer" | "struct" | "union";
  readonly signed?: boolean;
}

interface TableStruct {
  readonly size: number;
  readonly fields: readonly TableField[];
  readonly layout_differs_in: Readonly<Record<string, string | { readonly size: number }>>;
}

interface FullTable {
  readonly structs: Readonly<Record<string, TableStruct>>;
  readonly constants: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly enum_constants: Readonly<Record<string, number>>;
  readonly ioctls: Readonly<Record<string, number>>;
}

const path = factsFolder("darwin-abi.json");

/** The whole table compiled from Apple's headers, with types and versions; undefined where the facts are absent. */
export const fullTable: FullTable | undefined =
  path === undefined ? undefined : (JSON.parse(readFileSync(path, "utf8")) as FullTable);

/** Every number of the table by its name, whichever header has it. */
export function numbersOf(table: FullTable): ReadonlyMap<string, number> {
  return new Map(
    [...Object.values(table.constants), table.enum_constants, table.ioctls].flatMap((group) =>
      Object.entries(group).filter((entry): entry is [string, number] => typeof entry[1] === "number"),
    ),
  );
}

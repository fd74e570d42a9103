import { readFileSync } from "node:fs";
import { describe, expect, test } from "vitest";
import { abiConstants, abiTable } from "../../facts/darwin/abi-table.ts";
import { filesBelow } from "../../repository/sources.ts";
import { BY_ANOTHER_NAME, CHOSEN, FROM_ELSEWHERE, OF_ANOTHER_VERSION } from "./numbers-beside-the-table.ts";

/** A number that darwin's code declares by itself: its name, its value where it is a plain one, and its file. */
interface Declared {
  readonly name: string;
  readonly value: number;
  readonly file: string;
}

const SINGLE = /^(?:export )?const ([A-Z][A-Z0-9_]*) = (-?[0-9][0-9a-fox_ .*<]*);/gm;
const SEVERAL = /^(?:export )?const \[([A-Z0-9_, ]+)\] = \[([0-9a-fx_, ]+)\];/gm;

function declaredNumbers(): Declared[] {
  return filesBelow("src")
    .filter((file) => file.includes("/darwin/") && file.endsWith(".ts"))
    .flatMap((file) => {
      const text = readFileSync(file, "utf8");
      const named = [...text.matchAll(SINGLE)].map(([, name = "", value = ""]) => [name, value] as const);
      const listed = [...text.matchAll(SEVERAL)].flatMap(([, names = "", values = ""]) =>
        names.split(", ").map((name, index) => [name, values.split(", ")[index] ?? ""] as const),
      );
      return [...named, ...listed].map(([name, value]) => ({ name, value: Number(value.replaceAll("_", "")), file }));
    });
}

/** Every number of the table by its name, whichever header has it. */
const held: ReadonlyMap<string, number> = new Map(
  [abiConstants, abiTable.enum_constants, abiTable.ioctls].flatMap((group) => Object.entries(group)),
);

/** The value that the table has for one of our own names. */
function otherwiseHeld(name: string): number | undefined {
  const other = BY_ANOTHER_NAME[name];
  const then = OF_ANOTHER_VERSION[name];
  if (then !== undefined) {
    const layout = abiTable.structs[then.struct]?.layout_differs_in[then.tag];
    return typeof layout === "object" ? layout.size : undefined;
  }
  if (other === undefined) return undefined;
  if ("constant" in other) return (held.get(other.constant) ?? Number.NaN) - (other.less ?? 0);
  const struct = abiTable.structs[other.struct];
  return other.field === undefined ? struct?.size : struct?.fields[other.field]?.[0];
}

describe("numbers of darwin's code", () => {
  const declared = declaredNumbers().filter(({ name }) => !name.endsWith("_MS"));
  const other = [...Object.keys(BY_ANOTHER_NAME), ...Object.keys(OF_ANOTHER_VERSION)];

  test("have the value that Apple's headers give their name, or the size, offset or limit they stand for", () => {
    const byName = declared.filter(({ name }) => held.has(name));
    const byOther = declared.filter(({ name }) => other.includes(name));
    for (const { name, value, file } of byName) expect(value, `${name} in ${file}`).toBe(held.get(name));
    for (const { name, value, file } of byOther) expect(value, `${name} in ${file}`).toBe(otherwiseHeld(name));
    process.stdout.write(
      `numbers of darwin's code: ${byName.length} held by name, ${byOther.length} by another, ` +
        `${Object.keys(FROM_ELSEWHERE).length} from elsewhere, ${CHOSEN.length} of awg's own choice\n`,
    );
    expect(byName.length).toBeGreaterThanOrEqual(15);
    expect(byOther.map(({ name }) => name).toSorted()).toEqual(other.toSorted());
  });

  test("that the headers do not have are all listed, each with its value and source", () => {
    const unheld = declared.filter(({ name }) => !held.has(name) && !other.includes(name));
    for (const { name, value, file } of unheld.filter(({ name }) => FROM_ELSEWHERE[name] !== undefined)) {
      expect(value, `${name} in ${file}`).toBe(FROM_ELSEWHERE[name]?.[0]);
    }
    const listed = [...Object.keys(FROM_ELSEWHERE), ...CHOSEN];
    expect([...new Set(unheld.map(({ name }) => name))].toSorted()).toEqual(listed.toSorted());
  });
});

import { nearestWord } from "../../config/field/edit-distance.ts";
import { checkKey } from "../../config/field/key.ts";
import { type ImportFinding, importError, importNote, showWord } from "../import-finding.ts";
import { KNOWN_KEYS, REPEATED_KEYS } from "./conf-keys.ts";
import type { ConfEntry, ConfSection } from "./conf-sections.ts";

/** A value with its place. */
export interface Sourced {
  readonly value: string;
  readonly place: string;
  /** The source's name for it, if that is not a conf. */
  readonly spelled?: string;
}

/** The values of a section by the documented spelling of their keys. */
export class SectionValues {
  readonly #values = new Map<string, Sourced[]>();
  readonly #findings: ImportFinding[];

  /** Reports unknown keys and repeated scalars: the last one counts, as in wg(8). */
  constructor(kind: ConfSection["kind"], entries: readonly ConfEntry[], findings: ImportFinding[]) {
    this.#findings = findings;
    const names = new Map(KNOWN_KEYS[kind].map((name) => [name.toLowerCase(), name]));
    for (const { key, ...value } of entries) {
      const name = names.get(key.toLowerCase());
      if (name === undefined) findings.push(unknownKey(key, value.place, kind));
      else this.#add(name, value);
    }
  }

  #add(name: string, value: Sourced): void {
    const earlier = this.#values.get(name);
    if (earlier === undefined) this.#values.set(name, [value]);
    else if (REPEATED_KEYS.includes(name)) earlier.push(value);
    else {
      this.#findings.push(
        importNote(earlier[0]?.place ?? value.place, `this ${value.spelled ?? name} is replaced by a later one`),
      );
      this.#values.set(name, [value]);
    }
  }

  has(name: string): boolean {
    return this.#values.has(name);
  }

  /** The value of a key; undefined if it is missing or empty. */
  one(name: string): Sourced | undefined {
    const found = this.#values.get(name)?.[0];
    return found === undefined || found.value === "" ? undefined : found;
  }

  /** Every value as written. */
  all(name: string): readonly Sourced[] {
    return this.#values.get(name) ?? [];
  }

  /** The items of comma lists; those of repeated keys are joined. */
  items(name: string): readonly Sourced[] {
    return this.all(name).flatMap(({ value, place }) =>
      value
        .split(",")
        .map((item) => item.trim())
        .filter((item) => item !== "")
        .map((item) => ({ value: item, place })),
    );
  }

  /** A key of 32 bytes; faults are reported without showing it. */
  key(name: string): Sourced | undefined {
    const found = this.one(name);
    const fault = found === undefined ? undefined : checkKey(found.value);
    if (found !== undefined && fault !== undefined) {
      const spelled = found.spelled ?? name;
      const isPlace = found.place.endsWith(`.${spelled}`) || found.place.endsWith(`(${spelled})`);
      this.#findings.push(
        importError(found.place, isPlace ? fault.message : `${spelled}: ${fault.message}`, fault.remedy),
      );
    }
    return found;
  }
}

function unknownKey(key: string, place: string, kind: ConfSection["kind"]): ImportFinding {
  const section = kind === "interface" ? "[Interface]" : "[Peer]";
  const shown = showWord(key);
  const near = shown === undefined ? undefined : nearestWord(key.toLowerCase(), lowerCase(KNOWN_KEYS[kind]));
  const meant = KNOWN_KEYS[kind].find((name) => name.toLowerCase() === near);
  const message = shown === undefined ? `${section} has no such key` : `unknown key ${shown} in ${section}`;
  return importError(place, message, meant === undefined ? "remove the line" : `did you mean ${meant}?`);
}

function lowerCase(names: readonly string[]): string[] {
  return names.map((name) => name.toLowerCase());
}

import { isPrintableLine } from "../../model/text/printable.ts";
import { nearestWord } from "./edit-distance.ts";
import { type Fault, fault, leaf, quote, wrongType } from "./leaf.ts";
import { TEXT_PATTERN } from "./patterns.ts";

const YAML_1_1_BOOLEANS: Readonly<Record<string, boolean>> = {
  yes: true,
  y: true,
  on: true,
  true: true,
  no: false,
  n: false,
  off: false,
  false: false,
};

/** true or false. In YAML 1.2 the words yes, no, on and off are texts, and the message says so. */
export function boolean() {
  return leaf({ type: "boolean" }, (input): boolean | Fault => {
    if (typeof input === "boolean") return input;
    const meant = typeof input === "string" ? YAML_1_1_BOOLEANS[input.toLowerCase()] : undefined;
    if (meant === undefined) return wrongType(input, "true or false");
    return fault("yaml-boolean", `${quote(String(input))} is a text in YAML 1.2, not a boolean`, `use ${meant}`);
  });
}

/** A whole number from `minimum` to `maximum`, both included. */
export function wholeNumber(minimum: number, maximum: number) {
  return leaf({ type: "integer", minimum, maximum }, (input): number | Fault =>
    typeof input === "number" ? checkWholeNumber(input, minimum, maximum) : wrongType(input, "a whole number"),
  );
}

/** The same check for numbers inside texts. */
export function checkWholeNumber(value: number, minimum: number, maximum: number): number | Fault {
  const remedy = `use a whole number from ${minimum} to ${maximum}`;
  if (!Number.isInteger(value)) return fault("number-not-whole", `${value} is not a whole number`, remedy);
  if (value >= minimum && value <= maximum) return value;
  return fault("number-out-of-range", `${value} is outside ${minimum} to ${maximum}`, remedy);
}

/** One of a few words. */
export function oneOf<const T extends readonly string[]>(words: T) {
  return leaf({ enum: words }, (input): T[number] | Fault =>
    typeof input === "string" ? checkOneOf(input, words) : wrongType(input, orList(words)),
  );
}

/** The same check for words inside other values. */
export function checkOneOf<const T extends readonly string[]>(word: string, words: T): T[number] | Fault {
  if (words.includes(word)) return word;
  const near = nearestWord(word, words);
  const remedy = near === undefined ? `use ${orList(words)}` : `did you mean ${near}?`;
  return fault("not-one-of", `unknown value ${quote(word)}`, remedy);
}

/** Words as a list in a sentence: a, b or c. */
export function orList(words: readonly string[]): string {
  return words.length < 2 ? words.join("") : `${words.slice(0, -1).join(", ")} or ${words.at(-1)}`;
}

/** A text of 1 to `maximum` characters on one line, without characters that a terminal or editor would interpret. */
export function text(maximum = 255) {
  return leaf({ type: "string", minLength: 1, maxLength: maximum, pattern: TEXT_PATTERN }, (input) =>
    checkText(input, maximum),
  );
}

/** The same check for texts inside other values. */
export function checkText(input: unknown, maximum = 255): string | Fault {
  if (typeof input !== "string") {
    const quoted = typeof input === "number" || typeof input === "boolean" ? ", in quotes" : "";
    return wrongType(input, `a string${quoted}`);
  }
  if (input.trim() === "") return fault("text-empty", "the text is empty", "add a character, or remove the key");
  if (input.length > maximum) {
    return fault("text-too-long", `the text has ${input.length} characters`, `use at most ${maximum}`);
  }
  if (!isPrintableLine(input)) {
    const message = "the text has a line break, a control character or a bidirectional override";
    return fault("text-characters", message, "use one line without such characters");
  }
  return input;
}

/** An absolute path, as a value of its own. */
export function absolutePath() {
  return leaf({ type: "string", minLength: 1, maxLength: 4096, pattern: "^/" }, checkAbsolutePath);
}

/** An absolute path; a trailing slash is dropped. */
export function checkAbsolutePath(input: unknown): string | Fault {
  const path = checkText(input, 4096);
  if (typeof path !== "string") return path;
  if (!path.startsWith("/")) return fault("path-relative", "the path is not absolute", "begin it with /");
  return path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
}

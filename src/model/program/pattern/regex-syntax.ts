import { byteRange, choice, literal, type Syntax, sequence, WIDE } from "./syntax.ts";

/** A part of JavaScript's syntax that no automaton can match, or that awg does not have; the message names it. */
export class UnsupportedRegex extends Error {}

const LAST_ASCII = 0x7f;
/** Characters beside ASCII that one pair of brackets may hold. */
const MOST_WIDE = 4096;
const CONTROL: Readonly<Record<string, number>> = { f: 12, n: 10, r: 13, t: 9, v: 11, "0": 0 };
const NEWLINES = characters([10, 13]);

/** A set of characters: those of ASCII as flags; all others, or the listed ones. */
interface Characters {
  readonly ascii: Uint8Array;
  readonly isWide: boolean;
  readonly listed: readonly number[];
}

/**
 * The syntax of a regular expression that `new RegExp(source, "u")` accepts. `\d`, `\w` and `\s` mean ASCII.
 *
 * @throws UnsupportedRegex
 */
export function regexSyntax(source: string): Syntax {
  return new RegexReader(source).read();
}

class RegexReader {
  readonly #text: readonly string[];
  #at = 0;

  constructor(source: string) {
    this.#text = [...source];
  }

  read(): Syntax {
    const parts = [this.#sequence()];
    while (this.#skip("|")) parts.push(this.#sequence());
    return parts.length === 1 ? (parts[0] as Syntax) : choice(parts);
  }

  #sequence(): Syntax {
    const parts: Syntax[] = [];
    while (this.#at < this.#text.length && !["|", ")"].includes(this.#text[this.#at] ?? "")) {
      parts.push(this.#repeated(this.#atom()));
    }
    return sequence(parts);
  }

  #atom(): Syntax {
    const char = this.#next();
    if (char === "^") return { kind: "start" };
    if (char === "$") return { kind: "end" };
    if (char === "(") return this.#group();
    if (char === "[") return syntaxOf(this.#brackets());
    if (char === ".") return syntaxOf(opposite(NEWLINES));
    if (char === "\\") return syntaxOf(this.#escape(false));
    return literal(new TextEncoder().encode(char));
  }

  #group(): Syntax {
    if (this.#skip("?")) {
      const isName = this.#text[this.#at] === "<" && !["=", "!"].includes(this.#text[this.#at + 1] ?? "");
      if (isName) while (this.#next() !== ">");
      else if (!this.#skip(":")) throw new UnsupportedRegex("it looks ahead or behind, or changes flags");
    }
    const inner = this.read();
    this.#skip(")");
    return inner;
  }

  #repeated(part: Syntax): Syntax {
    const limits = this.#limits();
    if (limits === undefined) return part;
    // A lazy repetition matches the same texts.
    this.#skip("?");
    return { kind: "repeat", part, ...limits };
  }

  #limits(): { readonly least: number; readonly most?: number } | undefined {
    if (this.#skip("*")) return { least: 0 };
    if (this.#skip("+")) return { least: 1 };
    if (this.#skip("?")) return { least: 0, most: 1 };
    if (!this.#skip("{")) return undefined;
    const [least = "0", most] = this.#until("}").split(",");
    const counts = { least: Number(least) };
    if (most === "") return counts;
    return { ...counts, most: Number(most ?? least) };
  }

  #brackets(): Characters {
    const isOpposite = this.#skip("^");
    let all = characters([]);
    while (!this.#skip("]")) {
      const first = this.#member();
      const isRange = this.#text[this.#at] === "-" && this.#text[this.#at + 1] !== "]";
      if (!isRange) {
        all = union(all, first);
        continue;
      }
      this.#next();
      all = union(all, characterRange(onlyOne(first), onlyOne(this.#member())));
    }
    return isOpposite ? opposite(all) : all;
  }

  #member(): Characters {
    const char = this.#next();
    return char === "\\" ? this.#escape(true) : characters([char.codePointAt(0) ?? 0]);
  }

  #escape(isInBrackets: boolean): Characters {
    const char = this.#next();
    const named = classOf(char.toLowerCase());
    if (named !== undefined) return char === char.toLowerCase() ? named : opposite(named);
    if (char === "b" && isInBrackets) return characters([8]);
    if (/[bB]/.test(char)) throw new UnsupportedRegex("it has \\b or \\B");
    if (/[pP]/.test(char)) throw new UnsupportedRegex("it has \\p");
    if (/[k1-9]/.test(char)) throw new UnsupportedRegex("it refers back to a group");
    if (char === "x") return characters([Number.parseInt(this.#next() + this.#next(), 16)]);
    if (char === "c") return characters([(this.#next().codePointAt(0) ?? 0) % 32]);
    if (char === "u") return characters([this.#unicode()]);
    return characters([CONTROL[char] ?? char.codePointAt(0) ?? 0]);
  }

  /** `\u00e9`, `\u{1f600}`, or two halves of a character beyond 0xffff. */
  #unicode(): number {
    if (this.#skip("{")) return Number.parseInt(this.#until("}"), 16);
    const four = () => Number.parseInt(Array.from({ length: 4 }, () => this.#next()).join(""), 16);
    const first = four();
    const isPair =
      first >= 0xd800 && first <= 0xdbff && this.#text[this.#at] === "\\" && this.#text[this.#at + 1] === "u";
    if (!isPair) return first;
    this.#at += 2;
    return String.fromCharCode(first, four()).codePointAt(0) ?? 0;
  }

  #until(end: string): string {
    let text = "";
    for (let char = this.#next(); char !== end; char = this.#next()) text += char;
    return text;
  }

  #next(): string {
    const char = this.#text[this.#at];
    if (char === undefined) throw new UnsupportedRegex("it ends in the middle");
    this.#at += 1;
    return char;
  }

  #skip(char: string): boolean {
    if (this.#text[this.#at] !== char) return false;
    this.#at += 1;
    return true;
  }
}

function classOf(letter: string): Characters | undefined {
  if (letter === "d") return characterRange(48, 57);
  if (letter === "s") return characters([9, 10, 11, 12, 13, 32]);
  if (letter !== "w") return undefined;
  return [characterRange(48, 57), characterRange(65, 90), characterRange(97, 122), characters([95])].reduce(union);
}

function characters(points: readonly number[]): Characters {
  const ascii = new Uint8Array(LAST_ASCII + 1);
  for (const point of points) if (point <= LAST_ASCII) ascii[point] = 1;
  return { ascii, isWide: false, listed: points.filter((point) => point > LAST_ASCII) };
}

function characterRange(first: number, last: number): Characters {
  const from = Math.max(first, LAST_ASCII + 1);
  if (last - from >= MOST_WIDE)
    throw new UnsupportedRegex(`brackets hold more than ${MOST_WIDE} characters beside ASCII`);
  const listed = Array.from({ length: Math.max(0, last - from + 1) }, (_, index) => from + index);
  return { ascii: byteRange(first, last).slice(0, LAST_ASCII + 1), isWide: false, listed };
}

function union(one: Characters, other: Characters): Characters {
  return {
    ascii: one.ascii.map((flag, index) => flag | (other.ascii[index] ?? 0)),
    isWide: one.isWide || other.isWide,
    listed: [...one.listed, ...other.listed],
  };
}

function opposite({ ascii, isWide, listed }: Characters): Characters {
  if (listed.length > 0 && !isWide) throw new UnsupportedRegex("it excludes characters beside ASCII");
  return { ascii: ascii.map((flag) => 1 - flag), isWide: !isWide, listed: [] };
}

function onlyOne({ ascii, listed }: Characters): number {
  return listed[0] ?? ascii.indexOf(1);
}

function syntaxOf({ ascii, isWide, listed }: Characters): Syntax {
  const set = new Uint8Array(256);
  set.set(ascii);
  const narrow: Syntax = { kind: "byte", set };
  if (isWide) return choice([narrow, WIDE]);
  return listed.length === 0 ? narrow : choice([narrow, ...wideSyntax(listed)]);
}

/** Characters beside ASCII, joined where they differ in their last byte alone. */
function wideSyntax(points: readonly number[]): Syntax[] {
  const byStart = new Map<string, { readonly start: Uint8Array; readonly last: Uint8Array }>();
  for (const point of points) {
    const bytes = new TextEncoder().encode(String.fromCodePoint(point));
    const start = bytes.subarray(0, -1);
    const known = byStart.get(start.join()) ?? { start, last: new Uint8Array(256) };
    known.last[bytes.at(-1) ?? 0] = 1;
    byStart.set(start.join(), known);
  }
  return [...byStart.values()].map(({ start, last }) => sequence([literal(start), { kind: "byte", set: last }]));
}

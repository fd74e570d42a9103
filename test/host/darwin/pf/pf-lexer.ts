/** A token of pf.conf as OpenBSD 4.3's parser cuts it, which xnu's pfctl descends from. */
export interface Token {
  readonly kind: "word" | "string" | "number" | "mark" | "newline" | "end";
  readonly text: string;
  readonly line: number;
}

/** Why a ruleset is refused. */
export class PfSyntaxError extends Error {
  constructor(line: number, message: string) {
    super(`${line}: ${message}`);
  }
}

const LONGEST_STRING = 8094;
const WORD_START = /[A-Za-z0-9:_]/;
/** Punctuation that ends a word. */
const ENDS_WORD = new Set(["(", ")", "{", "}", "<", ">", "!", "=", "/", "#", ","]);
const ENDS_NUMBER = /[\s),/}=]/;
const isWordPart = (char: string) => /[!-~]/.test(char) && !ENDS_WORD.has(char);

/** Cuts the text of a ruleset into tokens; macros are replaced as they are read. */
export class PfLexer {
  readonly #macros = new Map<string, string>();
  #rest: string;
  #line = 1;

  constructor(text: string) {
    this.#rest = text;
  }

  define(name: string, value: string): void {
    this.#macros.set(name, value);
  }

  next(): Token {
    this.#skipBlanks();
    const char = this.#rest[0];
    if (char === undefined) return this.#token("end", "");
    if (char === "\n") {
      const token = this.#take("newline", 1);
      this.#line += 1;
      return token;
    }
    if (char === "$") return this.#macro();
    if (char === '"' || char === "'") return this.#string(char);
    const two = this.#rest.slice(0, 2);
    if (two === "<>" || two === "><" || two === "->") return this.#take("mark", 2);
    const number = /^-?\d+/.exec(this.#rest)?.[0];
    const after = number === undefined ? undefined : this.#rest[number.length];
    if (number !== undefined && (after === undefined || ENDS_NUMBER.test(after))) {
      return this.#take("number", number.length);
    }
    if (WORD_START.test(char)) {
      let length = 1;
      while (isWordPart(this.#rest[length] ?? " ")) length += 1;
      return this.#take("word", length);
    }
    return this.#take("mark", 1);
  }

  #skipBlanks(): void {
    for (;;) {
      const blank = /^(?:[ \t]|\\\n)+/.exec(this.#rest)?.[0] ?? "";
      this.#line += blank.split("\n").length - 1;
      this.#rest = this.#rest.slice(blank.length);
      if (!this.#rest.startsWith("#")) return;
      this.#rest = this.#rest.slice(/^#[^\n]*/.exec(this.#rest)?.[0].length);
    }
  }

  #macro(): Token {
    const name = /^\$([A-Za-z0-9_]*)/.exec(this.#rest)?.[1] ?? "";
    const value = this.#macros.get(name);
    if (value === undefined) throw new PfSyntaxError(this.#line, `macro '${name}' not defined`);
    this.#rest = value + this.#rest.slice(name.length + 1);
    return this.next();
  }

  #string(quote: string): Token {
    const end = this.#rest.indexOf(quote, 1);
    if (end < 0) throw new PfSyntaxError(this.#line, "reached end of file while parsing quoted string");
    if (end - 1 > LONGEST_STRING) throw new PfSyntaxError(this.#line, "string too long");
    const token = this.#token("string", this.#rest.slice(1, end).replaceAll("\n", ""));
    this.#line += this.#rest.slice(0, end).split("\n").length - 1;
    this.#rest = this.#rest.slice(end + 1);
    return token;
  }

  #take(kind: Token["kind"], length: number): Token {
    const token = this.#token(kind, this.#rest.slice(0, length));
    this.#rest = this.#rest.slice(length);
    return token;
  }

  #token(kind: Token["kind"], text: string): Token {
    return { kind, text, line: this.#line };
  }
}

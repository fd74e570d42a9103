import { PfLexer, PfSyntaxError, type Token } from "./pf-lexer.ts";

/** A look-ahead of one token over the lexer, with the words every statement needs. */
export class PfTokens {
  readonly #lexer: PfLexer;
  #token: Token;

  constructor(text: string) {
    this.#lexer = new PfLexer(text);
    this.#token = this.#lexer.next();
  }

  get peek(): Token {
    return this.#token;
  }

  get line(): number {
    return this.#token.line;
  }

  define(name: string, value: string): void {
    this.#lexer.define(name, value);
  }

  take(): Token {
    const token = this.#token;
    this.#token = this.#lexer.next();
    return token;
  }

  is(...texts: readonly string[]): boolean {
    return (this.#token.kind === "word" || this.#token.kind === "mark") && texts.includes(this.#token.text);
  }

  /** Takes one of these words or marks if it is next. */
  maybe(...texts: readonly string[]): string | undefined {
    return this.is(...texts) ? this.take().text : undefined;
  }

  need(...texts: readonly string[]): string {
    return this.maybe(...texts) ?? this.fail();
  }

  /** A word or a quoted string. */
  name(): string {
    return this.#token.kind === "word" || this.#token.kind === "string" ? this.take().text : this.fail();
  }

  /** A word, string or number: what 4.3 calls numberstring. */
  value(): string {
    return this.#token.kind === "number" ? this.take().text : this.name();
  }

  number(): number {
    return this.#token.kind === "number" ? Number(this.take().text) : this.fail();
  }

  newline(): void {
    if (this.#token.kind !== "newline") this.fail();
    this.take();
  }

  skipNewlines(): void {
    while (this.#token.kind === "newline") this.take();
  }

  /** `one` or `{ one, one one }`; an empty list is an error. */
  list<T>(one: () => T): T[] {
    if (this.maybe("{") === undefined) return [one()];
    const found: T[] = [];
    this.skipNewlines();
    do {
      found.push(one());
      this.maybe(",");
      this.skipNewlines();
    } while (!this.is("}"));
    this.take();
    return found;
  }

  fail(message = "syntax error"): never {
    throw new PfSyntaxError(this.#token.line, message);
  }
}

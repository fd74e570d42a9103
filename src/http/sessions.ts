import { createHash, randomBytes, timingSafeEqual } from "node:crypto";

const CODE_MS = 60_000;
const MOST_TOKENS = 16;

/**
 * Tokens of browser sessions. A code is good once, within a minute, and is traded for a token of 256 bits; tokens live in
 * this process alone.
 */
export class Sessions {
  readonly #nowMs: () => number;
  #code: { readonly hash: Buffer; readonly untilMs: number } | undefined;
  #tokens: readonly Buffer[] = [];

  constructor(nowMs: () => number) {
    this.#nowMs = nowMs;
  }

  /** A new code; it replaces an unused one. */
  newCode(): string {
    const code = randomBytes(32).toString("base64url");
    this.#code = { hash: hashOf(code), untilMs: this.#nowMs() + CODE_MS };
    return code;
  }

  /** The token for a code; undefined for a wrong, used or old one. */
  trade(code: string): string | undefined {
    const known = this.#code;
    if (known === undefined || this.#nowMs() > known.untilMs || !timingSafeEqual(hashOf(code), known.hash))
      return undefined;
    this.#code = undefined;
    const token = randomBytes(32).toString("base64url");
    this.#tokens = [...this.#tokens.slice(1 - MOST_TOKENS), hashOf(token)];
    return token;
  }

  /** Whether it is the token of a session, in constant time. */
  isToken(token: string): boolean {
    const hash = hashOf(token);
    return this.#tokens.reduce((found, one) => timingSafeEqual(one, hash) || found, false);
  }
}

function hashOf(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

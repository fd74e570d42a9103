/** Sets of bytes, as 256 flags. */
export type ByteSet = Uint8Array;

/** A pattern over the bytes of a text (UTF-8). `start` and `end` hold at the text's ends alone. */
export type Syntax =
  | { readonly kind: "byte"; readonly set: ByteSet }
  | { readonly kind: "sequence"; readonly parts: readonly Syntax[] }
  | { readonly kind: "choice"; readonly parts: readonly Syntax[] }
  /** Without `most` as often as it fits. */
  | { readonly kind: "repeat"; readonly part: Syntax; readonly least: number; readonly most?: number }
  | { readonly kind: "start" }
  | { readonly kind: "end" };

/** The bytes between two, both included. */
export function byteRange(first: number, last: number): ByteSet {
  return new Uint8Array(256).fill(1, first, last + 1);
}

/** These bytes one after the other. */
export function literal(bytes: Uint8Array): Syntax {
  return sequence([...bytes].map((byte): Syntax => ({ kind: "byte", set: byteRange(byte, byte) })));
}

/** These parts, one after the other. */
export function sequence(parts: readonly Syntax[]): Syntax {
  return { kind: "sequence", parts };
}

/** One of these parts. */
export function choice(parts: readonly Syntax[]): Syntax {
  return { kind: "choice", parts };
}

/** The syntax of the same texts, read from their ends. */
export function backwards(syntax: Syntax): Syntax {
  switch (syntax.kind) {
    case "byte":
      return syntax;
    case "sequence":
      return sequence(syntax.parts.map(backwards).toReversed());
    case "choice":
      return choice(syntax.parts.map(backwards));
    case "repeat":
      return { ...syntax, part: backwards(syntax.part) };
    case "start":
      return { kind: "end" };
    case "end":
      return { kind: "start" };
  }
}

const CONTINUATION = byteRange(0x80, 0xbf);

/** Any character outside ASCII, by the first bytes that UTF-8 has for each length. */
export const WIDE: Syntax = choice(
  (
    [
      [0xc2, 0xdf],
      [0xe0, 0xef],
      [0xf0, 0xf4],
    ] as const
  ).map(([first, last], index) =>
    sequence([
      { kind: "byte", set: byteRange(first, last) },
      ...Array.from({ length: index + 1 }, (): Syntax => ({ kind: "byte", set: CONTINUATION })),
    ]),
  ),
);

import { byteRange, literal, type Syntax, sequence } from "./syntax.ts";

const SLASH = 0x2f;
const NAME: Syntax = { kind: "repeat", part: { kind: "byte", set: notSlash() }, least: 0 };

/** A glob as in `matchesGlob`: `*` is any part of a name, `**` as a whole name any number of names. */
export function globSyntax(glob: string): Syntax {
  const encoder = new TextEncoder();
  const slash = literal(Uint8Array.of(SLASH));
  const name = (part: string): Syntax =>
    sequence(
      part.split(/\*+/).flatMap((text, index) => [...(index === 0 ? [] : [NAME]), literal(encoder.encode(text))]),
    );
  const [first = "", ...names] = glob.split("/");
  const rest = names.map((part): Syntax => {
    if (part === "**") return { kind: "repeat", part: sequence([slash, NAME]), least: 0 };
    return sequence([slash, name(part)]);
  });
  return sequence([name(first), ...rest]);
}

function notSlash(): Uint8Array {
  const set = byteRange(0, 255);
  set[SLASH] = 0;
  return set;
}

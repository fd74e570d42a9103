import { styleText } from "node:util";

/** Styles text when colour is wanted. */
export interface Style {
  readonly bold: (text: string) => string;
  readonly dim: (text: string) => string;
  readonly red: (text: string) => string;
  readonly green: (text: string) => string;
  readonly yellow: (text: string) => string;
  readonly cyan: (text: string) => string;
}

const plain = (text: string): string => text;
/** The terminal decides about colour, not the stream that Node would look at. */
const styled =
  (format: keyof Style) =>
  (text: string): string =>
    styleText(format, text, { validateStream: false });

const COLORED: Style = {
  bold: styled("bold"),
  dim: styled("dim"),
  red: styled("red"),
  green: styled("green"),
  yellow: styled("yellow"),
  cyan: styled("cyan"),
};
const PLAIN: Style = { bold: plain, dim: plain, red: plain, green: plain, yellow: plain, cyan: plain };

/** The styles of a stream. */
export function styleFor(color: boolean): Style {
  return color ? COLORED : PLAIN;
}

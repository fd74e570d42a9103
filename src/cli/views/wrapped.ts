import { wrapText } from "../../model/text/wrap.ts";
import type { Terminal } from "../terminal.ts";

/** Text for people as its terminal shows it: lines end at its width, between words. */
export function wrapped(text: string, { columns }: Pick<Terminal, "columns">): string {
  return columns === undefined ? text : wrapText(text, columns, 4);
}

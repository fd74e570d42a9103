import { wrapText } from "../../model/text/wrap.ts";
import type { Terminal } from "../terminal.ts";

/** How far the rest of a broken line is indented. */
const HANGING = 4;

/**
 * Prints text for people to stdout: commands name the host, and lines end at the terminal's width, between words. Files
 * and JSON are never wrapped.
 */
export function printText(terminal: Pick<Terminal, "out" | "columns" | "nameHost">, text: string): void {
  const named = terminal.nameHost?.(text) ?? text;
  terminal.out(wrapText(named, terminal.columns, HANGING));
}

import { wrapText } from "../../model/text/wrap.ts";
import type { Terminal } from "../terminal.ts";

/** Text for people as its terminal shows it: commands name the host, and lines end at its width, between words. */
export function wrapped(
  text: string,
  { columns, nameHost = (same) => same }: Pick<Terminal, "columns" | "nameHost">,
): string {
  const named = nameHost(text);
  return columns === undefined ? named : wrapText(named, columns, 4);
}

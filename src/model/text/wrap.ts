/** How wide text for people is where nothing else is known. */
export const PLAIN_WIDTH = 80;

const ESCAPE = String.fromCharCode(27);
/** SGR sequences (ECMA-48 8.3.117) take no column. */
const STYLING = new RegExp(`${ESCAPE}\\[[0-9;]*m`, "g");

/** Columns that a line takes. */
export function columnsOf(line: string): number {
  return line.replaceAll(STYLING, "").length;
}

/**
 * Breaks lines that are wider than `width` at blanks; what follows a break is indented by `hanging` more than the line
 * began with. A word that is wider than the line stays whole. Pure.
 */
export function wrapText(text: string, width: number, hanging = 2): string {
  return text
    .split("\n")
    .map((line) => wrapLine(line, width, hanging))
    .join("\n");
}

function wrapLine(line: string, width: number, hanging: number): string {
  if (columnsOf(line) <= width) return line;
  const own = /^ */.exec(line)?.[0] ?? "";
  const indent = own + " ".repeat(hanging);
  const lines: string[] = [];
  let current = own;
  for (const [index, word] of line.slice(own.length).split(" ").entries()) {
    const isFirst = index === 0 || current === indent;
    const longer = isFirst ? current + word : `${current} ${word}`;
    if (isFirst || columnsOf(longer) <= width) current = longer;
    else {
      lines.push(current.trimEnd());
      current = indent + word;
    }
  }
  return [...lines, current].join("\n");
}

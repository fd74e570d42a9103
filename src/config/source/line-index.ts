/** Where lines begin in a text; built once, then each look-up is a binary search. */
export interface LineIndex {
  readonly text: string;
  readonly starts: readonly number[];
}

/** Line and column count from 1; columns are UTF-16 units, as editors count them. */
export interface Position {
  readonly line: number;
  readonly column: number;
}

/** Finds the line starts. LF, CRLF and a lone CR end a line. */
export function indexLines(text: string): LineIndex {
  const starts = [0];
  for (let index = 0; index < text.length; index += 1) {
    const code = text.charCodeAt(index);
    if (code === 10 || (code === 13 && text.charCodeAt(index + 1) !== 10)) starts.push(index + 1);
  }
  return { text, starts };
}

/** The position of an offset. */
export function positionAt(index: LineIndex, offset: number): Position {
  let low = 0;
  let high = index.starts.length - 1;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if ((index.starts[middle] ?? 0) <= offset) low = middle;
    else high = middle - 1;
  }
  return { line: low + 1, column: offset - (index.starts[low] ?? 0) + 1 };
}

/** Offsets of a line's text, its end not included. */
export function lineBounds(index: LineIndex, line: number): { start: number; end: number } {
  const start = index.starts[line - 1] ?? 0;
  let end = index.starts[line] ?? index.text.length;
  while (end > start && (index.text[end - 1] === "\n" || index.text[end - 1] === "\r")) end -= 1;
  return { start, end };
}

let written: string | undefined;

/** Remembers what this process is about to put into resolv.conf, so that it does not take it for others' work. */
export function noteWrittenText(text: string): void {
  written = text;
}

/** What this process put into resolv.conf last; undefined when nothing. */
export function lastWrittenText(): string | undefined {
  return written;
}

let written: string | undefined;

/**
 * Records the text this process is about to write to resolv.conf, so that its own write is not reported as a change.
 */
export function noteWrittenText(text: string): void {
  written = text;
}

/** The text this process last wrote to resolv.conf; undefined when none. */
export function lastWrittenText(): string | undefined {
  return written;
}

/** The command that the keeper runs at the deadline unless it is cancelled. */
export interface Watch {
  /** Milliseconds since boot, sleep included. */
  readonly deadlineMs: number;
  /** Absolute path and arguments. */
  readonly command: readonly string[];
}

type Json = Readonly<Record<string, unknown>>;

/** Whether a value from outside names a command and its deadline. */
export function isWatch(value: unknown): value is Watch {
  const { deadlineMs, command } = (typeof value === "object" && value !== null ? value : {}) as Json;
  if (!Number.isSafeInteger(deadlineMs) || !Array.isArray(command) || command.length > 64) return false;
  const words: readonly unknown[] = command;
  return words.every(isWord) && words[0]?.toString().startsWith("/") === true;
}

function isWord(value: unknown): boolean {
  return typeof value === "string" && value.length <= 4096 && !value.includes("\0");
}

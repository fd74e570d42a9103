import { closeSync, fstatSync, openSync, readSync, writeSync } from "node:fs";
import { textOf } from "../app/load/utf8-text.ts";
import { printable } from "../model/text/printable.ts";
import { PLAIN_WIDTH, wrapText } from "../model/text/wrap.ts";

/** Adds the options by which the user chose the host to every command of awg in a text. */
export type NameHost = (text: string) => string;

/**
 * The streams of a verb: data to stdout, progress and errors to stderr, questions to the person if there is one. Texts
 * come from configs, kernels and other programs, so control characters never reach a stream.
 */
export interface Terminal {
  /** Whole lines of data for stdout. */
  out(text: string): void;
  /** Whole lines for stderr. */
  err(text: string): void;
  /** Adds the options that chose the host to commands of awg in a text for people; absent where they stay as they are. */
  readonly nameHost?: NameHost;
  readonly colorOut: boolean;
  readonly colorErr: boolean;
  /** Whether a person sits at both ends, so that questions make sense. */
  readonly interactive: boolean;
  /** Where lines for people on stdout end: the terminal's width, 100 at most; for a file or pipe COLUMNS, or 80. */
  readonly columns: number;
  /** Asks and reads one line; undefined at the end of input. */
  ask(question: string): string | undefined;
  /** All of standard input. */
  readInput(): string;
}

/** The streams of this process. */
export interface ProcessTerminal extends Terminal {
  /** Why a write to stdout failed; undefined if none did, or if the reader is gone. */
  readonly unwritten: unknown;
}

/** Longer lines are hard to read, whatever the terminal has. */
const WIDEST = 100;
const MAX_INPUT_BYTES = 8 * 1024 * 1024;

/** The real terminal. Colour only on a TTY and never with NO_COLOR (no-color.org) or TERM=dumb. */
export function processTerminal(
  environment: NodeJS.ProcessEnv,
  wantsColor: boolean,
  nameHost: NameHost = (text) => text,
): ProcessTerminal {
  const mayColor = wantsColor && !environment["NO_COLOR"] && environment["TERM"] !== "dumb";
  const forced = Boolean(environment["FORCE_COLOR"]) && environment["FORCE_COLOR"] !== "0";
  const colorOut = mayColor && (forced || isTerminal(1));
  const colorErr = mayColor && (forced || isTerminal(2));
  let unwritten: unknown;
  return {
    out(text) {
      unwritten ??= writeWhole(1, `${printable(text, colorOut)}\n`);
    },
    err: (text) => void writeWhole(2, `${wrappedForPeople(printable(nameHost(text), colorErr))}\n`),
    nameHost,
    get unwritten() {
      return unwritten;
    },
    colorOut,
    colorErr,
    interactive: isTerminal(0) && isTerminal(2),
    get columns() {
      return isTerminal(1) ? widthOf(process.stdout.columns) : givenWidth(environment["COLUMNS"]);
    },
    ask(question) {
      writeWhole(2, printable(question, colorErr));
      const line = readLine();
      if (line === undefined) writeWhole(2, "\n");
      return line;
    },
    readInput: () => readAll(0),
  };
}

/** Messages are wrapped on a terminal. In a log they stay whole: there they are searched, and each line is an entry. */
function wrappedForPeople(text: string): string {
  return text.startsWith("{") || !isTerminal(2) ? text : wrapText(text, widthOf(process.stderr.columns), 4);
}

/** A terminal without a size (a new pty, a serial line) says 0 columns. */
function widthOf(columns: number): number {
  return Math.min(columns > 0 ? columns : PLAIN_WIDTH, WIDEST);
}

/** The width that a caller gives a program without a terminal, as with git(1). */
function givenWidth(text = ""): number {
  return /^[1-9][0-9]{0,5}$/.test(text) ? Number(text) : PLAIN_WIDTH;
}

/** Linux's major device number of /dev/null and its like (Documentation/admin-guide/devices.txt). */
const MEMORY_DEVICES = 1;

/** Whether a person may sit there. `process.stdout.isTTY` would load node:net and node:tty. */
function isTerminal(descriptor: number): boolean {
  try {
    const status = fstatSync(descriptor);
    if (!status.isCharacterDevice()) return false;
    if (process.platform === "linux") return ((status.rdev >> 8) & 0xfff) !== MEMORY_DEVICES;
  } catch {
    return false;
  }
  const stream = [process.stdin, process.stdout, process.stderr][descriptor];
  return stream?.isTTY === true;
}

/**
 * Writes all bytes and returns the error (a full disk); the verb goes on. A reader that left (EPIPE, a terminal's EIO)
 * is no error. It waits while a pipe is full (EAGAIN).
 */
function writeWhole(descriptor: number, text: string): unknown {
  const bytes = Buffer.from(text);
  for (let sent = 0; sent < bytes.length; ) {
    try {
      sent += writeSync(descriptor, bytes, sent);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EPIPE" || (code === "EIO" && fstatSync(descriptor).isCharacterDevice())) return undefined;
      if (code !== "EAGAIN") return error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
  return undefined;
}

function readLine(): string | undefined {
  const tty = openSync("/dev/tty", "r");
  try {
    const byte = Buffer.alloc(1);
    const bytes: number[] = [];
    let count = readSync(tty, byte, 0, 1, null);
    for (; count === 1 && byte[0] !== 0x0a; count = readSync(tty, byte, 0, 1, null)) bytes.push(byte[0] ?? 0);
    if (count === 0 && bytes.length === 0) return undefined;
    return Buffer.from(bytes).toString("utf8").trim();
  } catch {
    return undefined;
  } finally {
    closeSync(tty);
  }
}

function readAll(descriptor: number): string {
  const chunks: Buffer[] = [];
  const chunk = Buffer.alloc(65_536);
  for (let total = 0; total <= MAX_INPUT_BYTES; ) {
    const count = readChunk(descriptor, chunk);
    if (count === 0) break;
    chunks.push(Buffer.from(chunk.subarray(0, count)));
    total += count;
  }
  return textOf(Buffer.concat(chunks));
}

function readChunk(descriptor: number, chunk: Buffer): number {
  for (;;) {
    try {
      return readSync(descriptor, chunk, 0, chunk.length, null);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "EOF") return 0;
      if (code !== "EAGAIN") throw error;
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 5);
    }
  }
}

import { VERSION } from "../model/version.ts";
import type { DocumentOf } from "./documents/documents.ts";
import type { Terminal } from "./terminal.ts";

type WithoutTime<T> = T extends unknown ? Omit<T, "at"> : never;

/** One line of a stream, without its time. */
export type StreamEvent = WithoutTime<DocumentOf<"json-stream"> | DocumentOf<"daemon-event">>;

type Line = (text: string) => void;

const HEARTBEAT_MS = 5_000;

/** Streams with their version line already written. */
const begun = new WeakSet<object>();

/** Writes one event with its time; the first of a stream comes after the version line. */
export function writeEvent(stream: object, line: Line, event: StreamEvent): void {
  const at = new Date().toISOString();
  if (!begun.has(stream)) {
    begun.add(stream);
    line(JSON.stringify({ type: "version", at, formatVersion: "1", awg: VERSION }));
  }
  if (event.type === "version") return;
  const { type, ...fields } = event;
  line(JSON.stringify({ type, at, ...fields }));
}

/** Prints one event of --json-stream. */
export function printEvent(terminal: Terminal, event: StreamEvent): void {
  writeEvent(terminal, (text) => terminal.out(text), event);
}

/** Begins a stream, and prints heartbeats until it is disposed. */
export function beginStream(terminal: Terminal): Disposable {
  printEvent(terminal, { type: "version", formatVersion: "1", awg: VERSION });
  const timer = setInterval(() => printEvent(terminal, { type: "heartbeat" }), HEARTBEAT_MS);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

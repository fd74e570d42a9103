import fc from "fast-check";
import { expect, test } from "vitest";
import { EventParser, type StreamEvent } from "../../src/client/events/event-parser.ts";
import { checkProperty } from "../support/seeded.ts";

const STREAM =
  ': heartbeat\n\nid: a-1\nevent: daemon\ndata: {"reason":"größer – 日本 🛡"}\n\ndata: one\ndata:two\ndata\n\nevent: left out\n\nid: a-2\r\nevent: x\r\ndata: y\r\n\r\n';
const EVENTS: readonly StreamEvent[] = [
  { name: "daemon", data: '{"reason":"größer – 日本 🛡"}', id: "a-1" },
  { name: "message", data: "one\ntwo\n", id: "a-1" },
  { name: "x", data: "y", id: "a-2" },
];

const bytesOf = (text: string): Uint8Array => new TextEncoder().encode(text);
const parse = (parts: readonly Uint8Array[]): readonly StreamEvent[] => {
  const parser = new EventParser();
  return parts.flatMap((part) => parser.push(part));
};
const cutAt = (bytes: Uint8Array, cuts: readonly number[]): readonly Uint8Array[] => {
  const places = [0, ...cuts.toSorted((a, b) => a - b), bytes.length];
  return places.slice(1).map((end, index) => bytes.subarray(places[index], end));
};

test.each([
  ["LF", STREAM.replaceAll("\r\n", "\n")],
  ["CRLF", STREAM.replaceAll(/\r?\n/g, "\r\n")],
  ["CR", STREAM.replaceAll(/\r?\n/g, "\r")],
  ["mixed", STREAM],
])("lines that end with %s, cut at each byte, and into single bytes", (_name, text) => {
  const bytes = bytesOf(text);
  for (let cut = 0; cut <= bytes.length; cut += 1) expect(parse(cutAt(bytes, [cut])), `${cut}`).toEqual(EVENTS);
  expect(parse([...bytes].map((byte) => Uint8Array.of(byte)))).toEqual(EVENTS);
});

test("any cuts give the same events as none", () => {
  const text = fc.array(fc.constantFrom("data: ", "id:", "event:", "é", "🛡", "\r", "\n", "\r\n", ":", "a", "\0"));
  checkProperty(
    fc.property(text, fc.array(fc.nat(60)), (parts, cuts) => {
      const bytes = bytesOf(parts.join(""));
      const places = cuts.filter((cut) => cut <= bytes.length);
      expect(parse(cutAt(bytes, places))).toEqual(parse([bytes]));
    }),
  );
});

test("a byte order mark is dropped, and what ends without an empty line is no event", () => {
  expect(parse([bytesOf("\uFEFFdata: a\n\ndata: b\n")])).toEqual([{ name: "message", data: "a" }]);
});

test("a stop inside a character gives nothing, and no wrong character later", () => {
  const whole = bytesOf("data: 🛡\n\n");
  const parser = new EventParser();
  expect(parser.push(whole.subarray(0, 8))).toEqual([]);
  expect(new EventParser().push(whole)).toEqual([{ name: "message", data: "🛡" }]);
});

test("an event that never ends is refused", () => {
  const parser = new EventParser();
  const part = bytesOf("x".repeat(1024 * 1024));
  expect(() => {
    for (let count = 0; count < 9; count += 1) parser.push(part);
  }).toThrow("too long");
  const comments = new EventParser();
  const comment = bytesOf(`:${"x".repeat(1024 * 1024)}\n`);
  for (let count = 0; count < 9; count += 1) expect(comments.push(comment)).toEqual([]);
});

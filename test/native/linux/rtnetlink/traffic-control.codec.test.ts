import { expect, test } from "vitest";
import { MessageWriter } from "../../../../src/native/linux/attribute.codec.ts";
import { RTM } from "../../../../src/native/linux/rtnetlink/rtnetlink-constants.ts";
import { decodeFilter } from "../../../../src/native/linux/rtnetlink/traffic-control.codec.ts";

type Body = (writer: MessageWriter) => void;

function nested(writer: MessageWriter, type: number, body: Body): void {
  const mark = writer.begin(type);
  body(writer);
  writer.end(mark);
}

/** RTM_NEWTFILTER as the kernel lays it out: struct tcmsg, then the classifier's name and options. */
function filter(kind: string, options: Body) {
  const writer = new MessageWriter();
  writer.reserve(20);
  writer.attributeText(1, kind);
  nested(writer, 2, options);
  return { type: RTM.newFilter, flags: 2, sequence: 1, port: 1, payload: writer.take() };
}

const redirect: Body = (writer) => nested(writer, 1, (inner) => inner.attributeText(1, "mirred"));
const nothing: Body = () => {};

test.each<[string, string, Body, boolean]>([
  ["u32 with an action", "u32", (writer) => nested(writer, 7, redirect), true],
  ["u32 that chooses a class", "u32", (writer) => writer.attributeU32(1, 0x10010), false],
  ["matchall with an action", "matchall", (writer) => nested(writer, 2, redirect), true],
  ["an eBPF program", "bpf", (writer) => writer.attributeText(7, "sender"), true],
  ["a classic program that chooses a class", "bpf", (writer) => writer.attributeU32(4, 0), false],
  ["the head of a chain's filters", "bpf", nothing, false],
  ["an unknown classifier", "novel", nothing, true],
])("%s", (_what, kind, options, acts) => {
  expect(decodeFilter(filter(kind, options))).toBe(acts);
});

test("other messages are no filter", () => {
  expect(decodeFilter({ ...filter("u32", nothing), type: RTM.newDiscipline })).toBeUndefined();
});

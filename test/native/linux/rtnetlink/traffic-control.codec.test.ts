import { describe, expect, test } from "vitest";
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

/** An action in its place among the others. */
const action =
  (place: number, kind: string, options: Body): Body =>
  (writer) =>
    nested(writer, place, (inner) => {
      inner.attributeText(1, kind);
      nested(inner, 2, options);
    });

const mirred =
  (how: number, linkIndex: number): Body =>
  (writer) => {
    const at = writer.begin(2, false);
    for (const value of [1, 0, 4, 1, 1, how, linkIndex]) writer.u32(value);
    writer.end(at);
  };
const nothing: Body = () => {};

describe("a filter of tc", () => {
  test.each([
    ["u32", 7],
    ["flower", 3],
    ["matchall", 2],
    ["basic", 3],
    ["fw", 4],
  ])("of the classifier %s has its actions where that one keeps them", (kind, place) => {
    const actions: Body = (writer) =>
      nested(writer, place, (inner) => {
        action(1, "pedit", nothing)(inner);
        action(2, "mirred", mirred(1, 5))(inner);
      });
    expect(decodeFilter(filter(kind, actions))).toEqual([
      { kind: "other", name: "pedit" },
      { kind: "send", copies: false, asArrived: false, linkIndex: 5, isBlock: false },
    ]);
  });

  test.each([
    [1, { copies: false, asArrived: false }],
    [2, { copies: true, asArrived: false }],
    [3, { copies: false, asArrived: true }],
    [4, { copies: true, asArrived: true }],
  ])("that sends in the way %i", (how, sent) => {
    const found = decodeFilter(filter("u32", (writer) => nested(writer, 7, action(1, "mirred", mirred(how, 9)))));
    expect(found).toEqual([{ kind: "send", ...sent, linkIndex: 9, isBlock: false }]);
  });

  test("that sends to a block of devices", () => {
    const toBlock: Body = (writer) => {
      mirred(1, 0)(writer);
      writer.attributeU32(4, 7);
    };
    const found = decodeFilter(filter("u32", (writer) => nested(writer, 7, action(1, "mirred", toBlock))));
    expect(found).toMatchObject([{ kind: "send", isBlock: true }]);
  });

  test("that is a BPF program, or has one for an action; classic ones choose alone", () => {
    const named =
      (type: number, name: string): Body =>
      (writer) =>
        writer.attributeText(type, name);
    const classic =
      (type: number): Body =>
      (writer) =>
        writer.attributeU16(type, 1);
    const acting = (options: Body) => filter("u32", (writer) => nested(writer, 7, action(1, "bpf", options)));
    expect(decodeFilter(filter("bpf", named(7, "cil_from_container")))).toEqual([
      { kind: "program", name: "cil_from_container" },
    ]);
    expect(decodeFilter(filter("bpf", classic(4)))).toEqual([]);
    expect(decodeFilter(filter("bpf", nothing))).toEqual([]);
    expect(decodeFilter(acting(named(6, "x")))).toEqual([{ kind: "program", name: "x" }]);
    expect(decodeFilter(acting(classic(3)))).toEqual([{ kind: "other", name: "classic bpf" }]);
  });

  test("of a classifier that awg does not know is one that does what awg does not know", () => {
    expect(decodeFilter(filter("new", nothing))).toEqual([{ kind: "other", name: "new" }]);
  });
});

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { isPrintableLine, printable, printableLine } from "../../../src/model/text/printable.ts";

const seed = Number(process.env["AWG_SEED"] ?? 20261121);

describe("what a terminal would act on is shown", () => {
  test.each([
    ["an escape sequence", "\u001b[2J", "\\u001b[2J"],
    ["a colour", "\u001b[31mred\u001b[0m", "\\u001b[31mred\\u001b[0m"],
    ["a title", "\u001b]0;x\u0007", "\\u001b]0;x\\u0007"],
    ["C1's introducer", "\u009b2J", "\\u009b2J"],
    ["carriage return and backspace", "a\rb\bc", "a\\u000db\\u0008c"],
    ["NUL and DEL", "\0\u007f", "\\u0000\\u007f"],
    ["an override of direction", "a\u202egpj.exe", "a\\u202egpj.exe"],
    ["isolates", "\u2066x\u2069", "\\u2066x\\u2069"],
    ["line and paragraph separators", "a\u2028b\u2029c", "a\\u2028b\\u2029c"],
    ["half a pair", "a\ud800b", "a\\ud800b"],
  ])("%s", (_what, text, shown) => {
    expect(printable(text)).toBe(shown);
    expect(isPrintableLine(text)).toBe(false);
  });

  test("letters of every script, whole pairs, newline and tab stay", () => {
    const text = "naïve\tשלום\nعربي 日本語 👋🏽 e\u0301 a\u200db";
    expect(printable(text)).toBe(text);
    expect(printableLine(text)).toBe(text.replace("\n", "\\u000a").replace("\t", "\\u0009"));
  });

  test("with colour only awg's own colours stay", () => {
    const text = "\u001b[31mred\u001b[0m \u001b[5mblink \u001b[2Jclear \u001b]8;;x\u001b\\";
    expect(printable(text, true)).toBe("\u001b[31mred\u001b[0m \\u001b[5mblink \\u001b[2Jclear \\u001b]8;;x\\u001b\\");
  });
});

test("a JSON document means the same as before, whatever it holds", () => {
  fc.assert(
    fc.property(fc.jsonValue(), fc.string({ unit: "binary" }), (value, text) => {
      const document = { value, [text]: text };
      const written = JSON.stringify(document);
      expect(JSON.parse(printable(written))).toEqual(JSON.parse(written));
      expect(isPrintableLine(printable(written))).toBe(true);
    }),
    { seed, numRuns: 500 },
  );
});

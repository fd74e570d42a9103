import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { columnsOf, wrapText } from "../../../src/model/text/wrap.ts";

describe("wrapped text", () => {
  test("breaks at blanks, and what follows is indented by more than the line", () => {
    expect(wrapText("  note: one two three four", 14, 4)).toBe("  note: one\n      two\n      three\n      four");
  });

  test("leaves lines that fit, and a word that is wider than the line", () => {
    expect(wrapText("short\n/a/path/that/is/wider/than/the/line", 10)).toBe(
      "short\n/a/path/that/is/wider/than/the/line",
    );
  });

  test("does not count colours", () => {
    const bold = "\u001b[1mone two\u001b[0m";
    expect(columnsOf(bold)).toBe(7);
    expect(wrapText(bold, 7)).toBe(bold);
  });

  test("loses no word, and no line is wider than asked for but for a single word", () => {
    const words = fc.array(fc.stringMatching(/^[a-z]{1,12}$/), { minLength: 1, maxLength: 30 });
    fc.assert(
      fc.property(words, fc.integer({ min: 20, max: 60 }), (all, width) => {
        const lines = wrapText(all.join(" "), width, 2).split("\n");
        expect(lines.flatMap((line) => line.trim().split(" "))).toEqual(all);
        expect(lines.every((line) => line.length <= width || !line.trim().includes(" "))).toBe(true);
      }),
    );
  });
});

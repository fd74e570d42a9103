import { expect, test } from "vitest";
import { styleFor } from "../../../src/cli/views/style.ts";
import { printable } from "../../../src/model/text/printable.ts";
import { columnsOf } from "../../../src/model/text/wrap.ts";

const styles = Object.entries(styleFor(true));

test.each(styles)("%s reaches a terminal as it is, and takes no column", (_name, paint) => {
  const text = paint("word");
  expect(text).not.toBe("word");
  expect(printable(text, true)).toBe(text);
  expect(columnsOf(text)).toBe("word".length);
});

test("without colour a text stays as it is", () => {
  for (const [, paint] of Object.entries(styleFor(false))) expect(paint("word")).toBe("word");
});

import { expect, test } from "vitest";
import { bannedWords } from "./plain-words.ts";
import { filesBelow, read } from "./sources.ts";

/** The title of a test or of a group: the first text after `test(`, `describe(` or a variant of them. */
const TITLE =
  /\b(?:test|describe\w*|\w*Test)(?:\.\w+)*(?:\((?:[^()`"]|\([^()]*\))*\))?\(\s*("(?:[^"\\\n]|\\.)*"|`[^`]*`)/g;

test("no title of a test has a banned word", () => {
  const titles = filesBelow("test")
    .filter((file) => file.endsWith(".test.ts"))
    .flatMap((file) => [...read(file).matchAll(TITLE)].map(([, title = ""]) => ({ file, title })));
  expect(titles.length).toBeGreaterThan(2000);
  expect(titles.filter(({ title }) => bannedWords(title.replaceAll(/\$\{[^}]*\}/g, "X")).length > 0)).toEqual([]);
});

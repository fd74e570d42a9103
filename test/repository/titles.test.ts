import { expect, test } from "vitest";
import { BANNED, bannedWords } from "./plain-words.ts";
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

test("the glossary lists every banned word, with what to say instead", () => {
  const [, table = ""] = read("docs/glossary.md").split("## Say … not …");
  const listed = table.split("\n").flatMap(
    (line) =>
      line
        .split("|")[2]
        ?.split(",")
        .map((word) => word.trim()) ?? [],
  );
  expect(Object.keys(BANNED).filter((word) => !listed.includes(word))).toEqual([]);
});

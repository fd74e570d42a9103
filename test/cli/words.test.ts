import { describe, expect, test } from "vitest";
import { FINDING_CATALOGUE } from "../../src/app/doctor/finding-catalogue.ts";
import { ERROR_KIND_MEANING, EXIT_MEANING } from "../../src/cli/help/exit-meaning.ts";
import { GLOBAL_OPTIONS } from "../../src/cli/verb-options.ts";
import { VERBS } from "../../src/cli/verbs.ts";
import { annotatedSchema } from "../../src/config/json-schema.ts";
import { PROBLEM_CATALOGUE } from "../../src/config/problem-catalogue.ts";
import { PROBLEM_REMEDIES } from "../../src/config/problem-remedies.ts";
import { bannedWords, longSentences, textsOf } from "../repository/plain-words.ts";
import { filesBelow, read } from "../repository/sources.ts";

const MOST_CHARACTERS = 60;
const shown = VERBS.filter(({ hidden }) => hidden !== true);

describe("help", () => {
  const lines: readonly (readonly [place: string, text: string])[] = [
    ...VERBS.flatMap(({ name, summary, argument, options }) => [
      [`awg ${name}`, summary] as const,
      ...(argument === undefined ? [] : [[`awg ${name} <${argument.name}>`, argument.summary] as const]),
      ...options.map((option) => [`awg ${name} ${option.flags}`, option.summary] as const),
    ]),
    ...GLOBAL_OPTIONS.map(({ flags, summary }) => [flags, summary] as const),
  ];

  test("every line has at most 60 characters", () => {
    expect(lines.length).toBeGreaterThan(100);
    expect(lines.filter(([, text]) => text.length > MOST_CHARACTERS)).toEqual([]);
  });

  test("every line of a verb and of an option begins with a verb", () => {
    const options = VERBS.flatMap(({ options: all }) => all.map(({ summary }) => summary));
    const texts = [...shown.map(({ summary }) => summary), ...options, ...GLOBAL_OPTIONS.map(({ summary }) => summary)];
    const first = new Set(texts.map((text) => text.split(" ")[0]));
    expect([...first].filter((word) => !IMPERATIVES.has(word ?? ""))).toEqual([]);
  });

  test("every verb has two examples or more, and no line of them is wider than 80 columns", () => {
    expect(shown.filter(({ examples }) => examples.length < 2).map(({ name }) => name)).toEqual([]);
    const wide = shown.flatMap(({ examples }) =>
      examples.flatMap(([line, what]) => [`  $ ${line}`, `      ${what}`]).filter((line) => line.length > 80),
    );
    expect(wide).toEqual([]);
  });

  test("every example is of its verb, and has options that the verb has", () => {
    const wrong = shown.flatMap((verb) =>
      verb.examples.flatMap(([line]) => {
        const words = verb.isRaw === true ? [] : [...line.matchAll(/(?<=\s)--[a-z-]+/g)].map(([word]) => word);
        const known = [...verb.options, ...GLOBAL_OPTIONS].flatMap(({ flags }) => flags.split(/[ ,]+/));
        const strange = words.filter((word) => !known.includes(word));
        return line.includes(`awg ${verb.name}`) && strange.length === 0 ? [] : [`${line}: ${strange.join(" ")}`];
      }),
    );
    expect(wrong).toEqual([]);
  });
});

/** Verbs that help lines begin with. */
const IMPERATIVES: ReadonlySet<string> = new Set([
  "open",
  "serve",
  "stop",
  "use",
  "wait",
  "accept",
  "act",
  "add",
  "apply",
  "bring",
  "change",
  "check",
  "choose",
  "control",
  "convert",
  "destroy",
  "do",
  "exit",
  "explain",
  "find",
  "folder",
  "go",
  "install",
  "keep",
  "list",
  "log",
  "name",
  "plan",
  "print",
  "prove",
  "query",
  "read",
  "recreate",
  "remove",
  "render",
  "replace",
  "report",
  "revert",
  "run",
  "save",
  "send",
  "show",
  "stay",
  "take",
  "treat",
  "undo",
  "use",
  "write",
  "hold",
]);

describe("plain words", () => {
  const texts: readonly (readonly [string, string])[] = [
    ...VERBS.flatMap(({ name, summary, details = "", examples }) =>
      [summary, details, ...examples.map(([, what]) => what)].map((text) => [`awg ${name}`, text] as const),
    ),
    ...Object.entries(PROBLEM_CATALOGUE),
    ...Object.entries(PROBLEM_REMEDIES),
    ...Object.entries(FINDING_CATALOGUE).map(([id, { meaning }]) => [id, meaning] as const),
    ...Object.entries(EXIT_MEANING),
    ...Object.entries(ERROR_KIND_MEANING),
    ...descriptionsIn(annotatedSchema()).map((text) => ["schema", text] as const),
  ];

  test("no catalogue, help or description has a banned word", () => {
    expect(texts.length).toBeGreaterThan(300);
    expect(texts.flatMap(([place, text]) => bannedWords(text).map((word) => `${place}: ${word}: ${text}`))).toEqual([]);
  });

  test("no sentence of them has more than 25 words", () => {
    expect(texts.flatMap(([place, text]) => longSentences(text).map((one) => `${place}: ${one}`))).toEqual([]);
  });

  const files = filesBelow("src").filter((file) => file.endsWith(".ts"));

  test("no text in the code has a banned word", () => {
    expect(files.length).toBeGreaterThan(500);
    const found = files.flatMap((file) =>
      textsOf(read(file)).flatMap((text) => bannedWords(text).map((word) => `${file}: ${word}: ${text}`)),
    );
    expect(found).toEqual([]);
  });

  test("no sentence in the code begins with a clause in place of a noun", () => {
    const found = files.flatMap((file) =>
      textsOf(read(file))
        .filter((text) => /(?:^|[.:] )(?:what|who|whoever|which|where|of a) [^?]*$/i.test(text))
        .map((text) => `${file}: ${text}`),
    );
    expect(found).toEqual([]);
  });

  test("no sentence in the code has more than 25 words", () => {
    const found = files.flatMap((file) =>
      textsOf(read(file)).flatMap((text) => longSentences(text).map((one) => `${file}: ${one}`)),
    );
    expect(found).toEqual([]);
  });
});

function descriptionsIn(json: unknown): readonly string[] {
  if (Array.isArray(json)) return json.flatMap(descriptionsIn);
  if (typeof json !== "object" || json === null) return [];
  return Object.entries(json).flatMap(([key, value]) =>
    key === "description" && typeof value === "string" ? [value] : descriptionsIn(value),
  );
}

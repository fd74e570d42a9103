import { dirname, relative } from "node:path/posix";
import { describe, expect, test } from "vitest";
import { VERBS } from "../../src/cli/verbs.ts";
import { loadConfig } from "../../src/config/load-config.ts";
import { bannedWords } from "./plain-words.ts";
import { filesBelow, read } from "./sources.ts";

const MAX_WORDS = 1_500;
const LONG_SENTENCE = 30;

/** Pages for readers; decisions have another measure, and reference is looked up, not read from its beginning. */
const pages = [
  "README.md",
  "ARCHITECTURE.md",
  ...filesBelow("docs").filter((page) => page.endsWith(".md") && !/^docs\/(adr|reference)\//.test(page)),
];
const taught = pages.filter((page) => /^docs\/(tutorial|how-to)\//.test(page) || page === "README.md");

/** What a page's fragments of a config are part of. */
const AROUND = `apiVersion: awg/v1
tunnels:
  office: { protocol: wireguard, privateKey: { file: /k }, peers: [{ publicKey: xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=, endpoint: 192.0.2.1:1, allowedIPs: [0.0.0.0/0] }] }
  world: { protocol: wireguard, privateKey: { file: /w }, peers: [{ publicKey: YW5vdGhlciBwdWJsaWMga2V5IG9mIDMyIGJ5dGVzISE=, endpoint: 192.0.2.2:1, allowedIPs: [0.0.0.0/0] }] }
  office-web: { protocol: http, server: "192.0.2.4:3128" }
  away: { protocol: wireguard, privateKey: { file: /a }, peers: [{ publicKey: mWB0J2ovTUpXJbKj5oX8N9Xfl1gWx3O4dRkqXvGqN0E=, endpoint: 192.0.2.3:1, allowedIPs: [0.0.0.0/0] }] }
`;

/** A page without blocks of code, and without the targets of its links. */
function proseOf(page: string): string {
  return read(page)
    .replaceAll(/```[\s\S]*?```/g, " ")
    .replaceAll(/\]\([^)]*\)/g, "]");
}

/** Sentences of a page's prose: without code, tables and headings. */
function sentencesOf(page: string): readonly string[] {
  const prose = read(page)
    .replaceAll(/```[\s\S]*?```/g, "\n\n")
    .split("\n")
    .map((line) => (/^(\||#|<)/.test(line) ? "" : line.replace(/^\s*(?:[-*>]|\d+\.)\s+/, "\n\n")))
    .join("\n");
  const paragraphs = prose.split(/\n{2,}/).map((text) => text.replaceAll(/\s+/g, " ").trim());
  return paragraphs.flatMap((text) => text.split(/(?<=[.!?:])\s+(?=[A-Z`[*])/)).filter((text) => text !== "");
}

function wordsOf(text: string): number {
  return text.split(/\s+/).filter((word) => /\w/.test(word)).length;
}

/** Verbs in the commands that a page shows: blocks of shell, lines behind a prompt, inline code. */
function verbsTyped(text: string): readonly string[] {
  const blocks = [...text.matchAll(/```(sh|console)\n([\s\S]*?)```/g)];
  const typed = blocks.flatMap(([, kind, body = ""]) =>
    body.split("\n").filter((line) => kind === "sh" || /^[$#] /.test(line)),
  );
  const inline = [...text.replaceAll(/```[\s\S]*?```/g, "").matchAll(/`([^`\n]+)`/g)].map(([, code = ""]) => code);
  const commands = [...typed, ...inline.filter((code) => /^(sudo |scripts\/)?awg /.test(code))];
  return commands.flatMap((line) => [...line.matchAll(/(?:^|[\s/(])awg ([a-z]+)\b/g)].map(([, verb = ""]) => verb));
}

describe("pages", () => {
  test("no page has a banned word in its prose; the glossary lists them, decisions are records", () => {
    const all = [...pages, ...filesBelow("docs/reference").filter((page) => page.endsWith(".md"))];
    const found = all
      .filter((page) => page !== "docs/glossary.md")
      .flatMap((page) => bannedWords(proseOf(page)).map((word) => `${page}: ${word}`));
    expect(found).toEqual([]);
  });

  test("no page of the reference has more than 1,500 words", () => {
    const reference = filesBelow("docs/reference").filter((page) => page.endsWith(".md"));
    expect(reference.length).toBeGreaterThan(30);
    expect(reference.filter((page) => wordsOf(read(page)) > MAX_WORDS)).toEqual([]);
  });

  test("there are tutorials, how-tos and explanations", () => {
    for (const folder of ["tutorial", "how-to", "explanation"]) {
      expect(pages.filter((page) => page.startsWith(`docs/${folder}/`)).length).toBeGreaterThan(3);
    }
  });

  test.each(pages)("%s has at most 1,500 words, and one sentence in ten longer than 30 words", (page) => {
    expect(wordsOf(read(page))).toBeLessThanOrEqual(MAX_WORDS);
    const sentences = sentencesOf(page);
    const long = sentences.filter((sentence) => wordsOf(sentence) > LONG_SENTENCE);
    expect(long.length, long.join("\n")).toBeLessThanOrEqual(sentences.length / 10);
  });

  test.each(taught)("%s shows only verbs that exist", (page) => {
    const names = new Set(VERBS.map(({ name }) => name));
    const typed = verbsTyped(read(page));
    expect(typed.length).toBeGreaterThan(0);
    expect(typed.filter((verb) => !names.has(verb))).toEqual([]);
  });

  test.each(taught)("%s shows only configs without an error", (page) => {
    const configs = [...read(page).matchAll(/```yaml\n([\s\S]*?)```|<<'?END'?\n(apiVersion[\s\S]*?)^END$/gm)];
    for (const [, block, heredoc = ""] of configs) {
      const text = (block ?? heredoc).replaceAll(
        /\$\(awg pubkey[^)]*\)/g,
        "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=",
      );
      const whole = text.includes("apiVersion") ? text : merged(text.replaceAll("$PWD", "/tmp"));
      const { problems } = loadConfig([{ name: page, text: whole.replaceAll("$PWD", "/tmp") }]);
      expect(
        problems.filter(({ severity }) => severity === "error"),
        text,
      ).toEqual([]);
    }
  });

  test("the index of the documentation leads to every page, reference of two levels by its first page", () => {
    const index = read("docs/README.md");
    const below = filesBelow("docs").filter((page) => page.endsWith(".md") && !/^docs\/(README\.md|adr\/)/.test(page));
    const linked = (page: string, from: string) => read(from).includes(`(${relative(dirname(from), page)})`);
    const missing = below.filter(
      (page) =>
        !index.includes(`(${page.slice("docs/".length)})`) &&
        !below.some(
          (other) => other !== page && index.includes(`(${other.slice("docs/".length)})`) && linked(page, other),
        ),
    );
    expect(missing).toEqual([]);
  });

  test("ARCHITECTURE.md names every folder of src, and no other", () => {
    const named = [...read("ARCHITECTURE.md").matchAll(/^\| `src\/([a-z-]+)\//gm)].map(([, folder]) => folder);
    const folders = new Set(filesBelow("src").map((file) => file.split("/")[1]));
    expect([...new Set(named)].toSorted()).toEqual([...folders].toSorted());
  });
});

/** A fragment with what it lacks to be a config: tunnels, a default, a kill switch. */
function merged(fragment: string): string {
  const has = (key: string) => new RegExp(`^${key}:`, "m").test(fragment);
  const around = has("tunnels") ? "apiVersion: awg/v1\n" : AROUND;
  const rest = [
    has("default") ? "" : "default: { via: office }\n",
    has("killSwitch") ? "" : "killSwitch: { enabled: true }\n",
  ];
  return `${around}${rest.join("")}${fragment}`;
}

/** Words that no text for people has, each with what to write instead (docs/glossary.md). */
export const BANNED: Readonly<Record<string, string>> = {
  tell: "report, show",
  tells: "reports, shows",
  told: "reported",
  somebody: "another program",
  someone: "another program",
  anybody: "any program",
  nobody: "no program",
  anew: "again",
  bear: "have",
  bears: "has",
  stands: "exists, is installed",
  stood: "existed",
  way: "path, route",
  ways: "paths, routes",
  whose: "of which; two sentences",
  meanwhile: "during the change",
  mend: "repair",
  mends: "repairs",
  mended: "repaired",
  heed: "follow",
  hinders: "blocks",
  thereof: "of it",
  "this machine": "this host",
  "the other end": "the peer, the server",
};

const MOST_WORDS = 25;

const PHRASES = Object.keys(BANNED).filter((key) => key.includes(" "));

/** Banned words in a text; commands and names in backquotes do not count. */
export function bannedWords(text: string): readonly string[] {
  const words = text
    .replaceAll(/`[^`]*`/g, " ")
    .toLowerCase()
    .match(/[a-z]+/g);
  const line = ` ${(words ?? []).join(" ")} `;
  return [
    ...(words ?? []).filter((word) => Object.hasOwn(BANNED, word)),
    ...PHRASES.filter((phrase) => line.includes(` ${phrase} `)),
  ];
}

/** Sentences of more than 25 words; a semicolon or colon divides them, too. */
export function longSentences(text: string): readonly string[] {
  return text
    .split(/[.!?;:](?=\s|$)|\n/)
    .filter((sentence) => (sentence.match(/[\p{L}\p{N}][^\s]*/gu) ?? []).length > MOST_WORDS)
    .map((sentence) => sentence.trim());
}

/** The texts of a source file that people may read: string literals and templates with a blank in them, without comments. */
export function textsOf(source: string): readonly string[] {
  const code = source.replaceAll(/\/\*[\s\S]*?\*\//g, "").replaceAll(/^\s*\/\/.*$/gm, "");
  const literals = code.match(/"(?:[^"\\\n]|\\.)*"|`(?:[^`\\]|\\.)*`/g) ?? [];
  return literals
    .filter((literal) => !/^"(?:\.{1,2}\/|node:)/.test(literal))
    .map((literal) => literal.slice(1, -1).replaceAll(/\$\{[^}]*\}/g, "X"))
    .filter((text) => /[a-z] [a-z]/i.test(text));
}

import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { fileURLToPath } from "node:url";

/** One case of a case book: a configuration and what is said about it. */
export interface Case {
  readonly book: string;
  readonly title: string;
  readonly yaml: string;
  readonly answer: string;
}

const FOLDER = fileURLToPath(new URL("../cases-config/bad/", import.meta.url));
const CASE = /^## (.+)\n\n```yaml\n([\s\S]*?)```\n\n```text\n([\s\S]*?)```$/gm;

/** All cases of all books below test/cases-config/bad. */
export function readCases(): Case[] {
  return readdirSync(FOLDER)
    .filter((name) => name.endsWith(".md"))
    .sort()
    .flatMap((book) =>
      [...readFileSync(FOLDER + book, "utf8").matchAll(CASE)].map(([, title = "", yaml = "", answer = ""]) => ({
        book,
        title,
        yaml,
        answer,
      })),
    );
}

/** Writes new answers into the books; run with AWG_UPDATE=1, and read them before committing. */
export function writeAnswers(answerOf: (yaml: string, book: string) => string): void {
  for (const book of readdirSync(FOLDER).filter((name) => name.endsWith(".md"))) {
    const text = readFileSync(FOLDER + book, "utf8");
    const answered = text.replace(
      CASE,
      (_all, title: string, yaml: string) =>
        `## ${title}\n\n\`\`\`yaml\n${yaml}\`\`\`\n\n\`\`\`text\n${answerOf(yaml, book)}\`\`\``,
    );
    writeFileSync(FOLDER + book, answered);
  }
}

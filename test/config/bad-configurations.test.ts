import { expect, test } from "vitest";
import { loadConfig } from "../../src/config/load-config.ts";
import { renderProblem } from "../../src/config/problem.ts";
import { readCases, writeAnswers } from "./case-book.ts";

const answerOf = (yaml: string, book: string) =>
  loadConfig([{ name: "awg.yaml", text: yaml, mode: 0o600 }], book === "refused.md" ? { refusedOn: "linux" } : {})
    .problems.map((problem) => `${renderProblem(problem, { color: false, excerpt: true })}\n`)
    .join("");

if (process.env["AWG_UPDATE"] === "1") writeAnswers(answerOf);
const cases = readCases();

test("the case books hold cases", () => {
  expect(cases.length).toBeGreaterThan(100);
});

test.each(cases)("law 7: $book: $title", ({ book, title, yaml, answer }) => {
  expect(answerOf(yaml, book)).toBe(answer);
  expect(answer).toContain(`[${title.split(":")[0]}]`);
});

test.each(cases)("law 7: $book: $title gives a configuration only without errors", ({ yaml }) => {
  const { config, problems } = loadConfig([{ name: "awg.yaml", text: yaml }]);
  expect(config !== undefined).toBe(problems.every(({ severity }) => severity === "warning"));
});

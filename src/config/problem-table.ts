import { PROBLEM_CATALOGUE, type ProblemId, WARNING_IDS } from "./problem-catalogue.ts";

/** docs/problems.md: every problem id with its meaning, errors and warnings. */
export function renderProblemTable(): string {
  const rows = Object.entries(PROBLEM_CATALOGUE).map(([id, meaning]) => {
    const severity = WARNING_IDS.has(id as ProblemId) ? "warning" : "error";
    return `| \`${id}\` | ${severity} | ${meaning} |`;
  });
  return `# Problems of a configuration

Written by \`scripts/generate\` from \`src/config/problem-catalogue.ts\`; do not edit.

\`awg validate\` reports all problems at once, each as \`file:line:column: what is wrong; what would be right [id]\`.
An error refuses the whole configuration before anything is changed; a warning does not. The ids are stable: they are
never renamed and never reused, so scripts and searches may rely on them.

| id | severity | meaning |
|---|---|---|
${rows.join("\n")}
`;
}

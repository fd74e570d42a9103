import { PROBLEM_CATALOGUE, type ProblemId, WARNING_IDS } from "../../src/config/problem-catalogue.ts";
import { PROBLEM_REMEDIES } from "../../src/config/problem-remedies.ts";
import { cell, code, generatedFrom, page, table } from "./markdown.ts";

const SOURCE = generatedFrom("src/config/problem-catalogue.ts and problem-remedies.ts");
const IDS = Object.keys(PROBLEM_CATALOGUE) as readonly ProblemId[];
/** The first problem that is about a section of the config, not about the file or a single value. */
const FIRST_OF_SECTIONS: ProblemId = "secret-reference";

/** The pages of all problem ids: what each means and what to do. */
export function problemPages(): ReadonlyMap<string, string> {
  const boundary = IDS.indexOf(FIRST_OF_SECTIONS);
  return new Map([
    [
      "docs/reference/problems.md",
      page(
        SOURCE,
        "# Problems of a config: files and values",
        "This page is for authors of a config. It lists the ids that `awg validate` prints for files and single values; [problems of sections](problems-sections.md) has the others.",
        "awg reports all problems at once, each as `file:line:column: what is wrong; what would be right [id]`.\nAn error refuses the whole config before anything is changed (exit 3). A warning does so with `awg validate --strict` only.\nThe ids are stable: no id is renamed or used again.",
        idTable(IDS.slice(0, boundary)),
      ),
    ],
    [
      "docs/reference/problems-sections.md",
      page(
        SOURCE,
        "# Problems of a config: sections",
        "This page is for authors of a config. It lists the ids that `awg validate` prints for tunnels, rules, the kill switch and DNS; [problems of files and values](problems.md) has the others.",
        idTable(IDS.slice(boundary)),
      ),
    ],
  ]);
}

function idTable(ids: readonly ProblemId[]): string {
  const rows = ids.map((id) => [
    code(id),
    WARNING_IDS.has(id) ? "warning" : "error",
    cell(PROBLEM_CATALOGUE[id]),
    cell(PROBLEM_REMEDIES[id]),
  ]);
  return table(["id", "severity", "meaning", "what to do"], rows);
}

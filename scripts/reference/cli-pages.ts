import { DOCUMENTS_OF_VERB } from "../../src/cli/documents/documents.ts";
import { VERB_GROUPS, type VerbGroup } from "../../src/cli/help/verb-groups.ts";
import type { OptionDefinition, VerbDefinition } from "../../src/cli/verb.ts";
import { GLOBAL_OPTIONS } from "../../src/cli/verb-options.ts";
import { VERBS } from "../../src/cli/verbs.ts";
import { cell, code, generatedFrom, page, table } from "./markdown.ts";

const SOURCE = generatedFrom("src/cli/verbs.ts");

/** The pages of all verbs: a list, and a page for each group. */
export function cliPages(): ReadonlyMap<string, string> {
  const groups = VERB_GROUPS.map((group): [string, string] => [fileOf(group), groupPage(group)]);
  return new Map([["docs/reference/cli.md", listPage()], ...groups]);
}

function fileOf({ id }: VerbGroup): string {
  return `docs/reference/cli-${id}.md`;
}

function listPage(): string {
  const sections = VERB_GROUPS.flatMap((group) => [
    `## [${group.title}](cli-${group.id}.md)`,
    table(
      ["verb", "effect"],
      verbsOf(group).map(({ name, summary }) => [code(`awg ${name}`), cell(summary)]),
    ),
  ]);
  return page(
    SOURCE,
    "# Verbs",
    "This page is for users of the command line. It lists every verb and the options that all of them accept.",
    "`awg --help` prints this list, `awg VERB --help` the options and examples of one verb.",
    ...sections,
    "## Options of every verb",
    "The wg verbs accept none of them. Options that name a host have no effect on verbs that only handle files.",
    optionTable(GLOBAL_OPTIONS),
  );
}

function groupPage(group: VerbGroup): string {
  return page(
    SOURCE,
    `# Verbs: ${group.title.toLowerCase()}`,
    "This page is for users of the command line. It describes each verb of this group, with its options and examples.",
    "[All verbs and the options they share](cli.md) · [exit codes](exit-codes.md) · [JSON documents](json.md)",
    ...verbsOf(group).flatMap(verbSections),
  );
}

function verbsOf({ verbs }: VerbGroup): readonly VerbDefinition[] {
  return verbs.flatMap((name) => VERBS.filter((verb) => verb.name === name));
}

function verbSections(verb: VerbDefinition): readonly string[] {
  const { name, summary, details, argument, options, examples } = verb;
  const rows: (readonly [string, string])[] = [
    ...(argument === undefined ? [] : [[usageOf(argument), cell(argument.summary)] as const]),
    ...options.map((option) => [option.flags, cell(summaryOf(option))] as const),
  ];
  return [
    `## awg ${name}`,
    `${sentence(summary)}${details === undefined ? "" : ` ${details}`}`,
    rows.length === 0
      ? ""
      : table(
          ["argument or option", "effect"],
          rows.map(([word, what]) => [code(word), what]),
        ),
    ["```sh", ...examples.flatMap(([line, what]) => [`# ${what}`, line]), "```"].join("\n"),
    documentsText(name),
  ];
}

function documentsText(name: string): string {
  const documents = DOCUMENTS_OF_VERB[name] ?? [];
  if (documents.length === 0) return "";
  const links = documents.map((one) => `[${one}](../../schema/json/${one}.schema.json)`);
  return `JSON: ${links.join(", ")}.`;
}

function usageOf({ name, required, variadic }: NonNullable<VerbDefinition["argument"]>): string {
  const word = variadic === true ? `${name}...` : name;
  return required === true ? `<${word}>` : `[${word}]`;
}

function optionTable(options: readonly OptionDefinition[]): string {
  return table(
    ["option", "effect"],
    options.map((option) => [code(option.flags), cell(summaryOf(option))]),
  );
}

function summaryOf({ summary, choices, repeatable }: OptionDefinition): string {
  const values = choices === undefined ? summary : `${summary} (${choices.join(", ")})`;
  return repeatable === true ? `${values}; repeatable` : values;
}

function sentence(text: string): string {
  return `${text.charAt(0).toUpperCase()}${text.slice(1)}.`;
}

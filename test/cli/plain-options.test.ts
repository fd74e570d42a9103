import { describe, expect, test } from "vitest";
import { runByCommander } from "../../src/cli/commander-program.ts";
import { parsePlainly } from "../../src/cli/plain-options.ts";
import { processTerminal } from "../../src/cli/terminal.ts";
import type { VerbDefinition } from "../../src/cli/verb.ts";
import { GLOBAL_OPTIONS } from "../../src/cli/verb-options.ts";
import { VERBS } from "../../src/cli/verbs.ts";

interface Reading {
  readonly verb: string;
  readonly options: object;
  readonly args: readonly string[];
}

/** What commander makes of the same words; undefined where it refuses or prints help. */
async function readByCommander(argv: readonly string[]): Promise<Reading | undefined> {
  let reading: Reading | undefined;
  const verbs: VerbDefinition[] = VERBS.map((verb) => ({
    ...verb,
    load: async () => ({
      run: async ({ options, args }) => {
        // commander gives `color: true` to every verb because of --no-color, which no verb reads.
        const { color, ...rest } = options;
        reading = { verb: verb.name, options: color === false ? options : rest, args };
        return 0;
      },
    }),
  }));
  const terminal = { ...processTerminal({}, false), out: () => {}, err: () => {} };
  await runByCommander(argv, { terminal, environment: {}, verbs, globalOptions: GLOBAL_OPTIONS });
  return reading;
}

const plain = [
  "diff",
  "diff -f a.yaml",
  "diff --file a.yaml --file=b.yaml -f -",
  "diff --json --debug --host simulated:x --state-dir /var/lib/x",
  "plan --detailed-exitcode --out p.plan -f c",
  "apply saved.plan --auto-approve",
  "apply --auto-approve saved.plan",
  "destroy --auto-approve",
  "status",
  "get routes/office --json",
  "schema --path killSwitch",
  "render --for macos -f c",
  "completion bash",
  "version --json",
];

const special = [
  "",
  "help",
  "--help",
  "--version",
  "diff --help",
  "diff -h",
  "diff --fil a",
  "diff -fa.yaml",
  "diff -f",
  "diff -f --json",
  "diff --json=yes",
  "plan too many words",
  "diff --",
  "diff --no-color",
  "render --for windows",
  "completion",
  "nonsense",
  "version extra",
];

const wordsOf = (line: string) => line.split(" ").filter(Boolean);

describe("a plain command line", () => {
  test.each(plain)("is read as commander reads it: %s", async (line) => {
    const read = parsePlainly(wordsOf(line), VERBS, GLOBAL_OPTIONS);
    expect(read).toBeDefined();
    const { verb, options, args } = read as NonNullable<typeof read>;
    expect({ verb: verb.name, options, args }).toEqual(await readByCommander(wordsOf(line)));
  });

  test.each(special)("is left to commander: %s", (line) => {
    expect(parsePlainly(wordsOf(line), VERBS, GLOBAL_OPTIONS)).toBeUndefined();
  });

  test("every option of every verb, alone, is read as commander reads it", async () => {
    for (const verb of VERBS.filter(({ isRaw }) => isRaw !== true)) {
      const argument = verb.argument?.required === true ? ["bash"] : [];
      for (const { flags, choices } of [...verb.options, ...GLOBAL_OPTIONS]) {
        const value = flags.includes("<") ? [choices?.[0] ?? "some-value"] : [];
        for (const word of flags.split(/[ ,]+/).filter((part) => part.startsWith("-"))) {
          const argv = [verb.name, ...argument, word, ...value];
          const read = parsePlainly(argv, VERBS, GLOBAL_OPTIONS);
          if (read === undefined) continue;
          const { options, args } = read;
          expect({ verb: verb.name, options, args }, argv.join(" ")).toEqual(await readByCommander(argv));
        }
      }
    }
  });

  test("words of a raw verb are its own, and a lone --help is commander's", () => {
    const words = ["set", "wg0", "peer", "K", "allowed-ips", "-10.0.0.0/8", "--json"];
    expect(parsePlainly(words, VERBS, GLOBAL_OPTIONS)?.args).toEqual(words.slice(1));
    expect(parsePlainly(["set", "--help"], VERBS, GLOBAL_OPTIONS)).toBeUndefined();
  });
});

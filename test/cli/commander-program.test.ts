import { expect, test } from "vitest";
import { runByCommander } from "../../src/cli/commander-program.ts";
import { GLOBAL_OPTIONS } from "../../src/cli/verb-options.ts";
import { VERBS } from "../../src/cli/verbs.ts";

async function answer(
  ...argv: readonly string[]
): Promise<{ readonly code: number; readonly out: string; readonly err: string }> {
  let [out, err] = ["", ""];
  const terminal = {
    interactive: false,
    colorOut: false,
    colorErr: false,
    out: (text: string) => {
      out += text;
    },
    err: (text: string) => {
      err += text;
    },
    columns: Number.POSITIVE_INFINITY,
    ask: () => undefined,
    readInput: () => "",
  };
  const code = await runByCommander(argv, { terminal, environment: {}, verbs: VERBS, globalOptions: GLOBAL_OPTIONS });
  return { code, out, err };
}

test("the help of a verb that there is not is a mistake, reported with the nearest one", async () => {
  for (const help of ["--help", "-h"]) {
    const { code, out, err } = await answer("aply", help);
    expect([code, out]).toEqual([64, ""]);
    expect(err).toContain("unknown command 'aply'");
    expect(err).toContain("Did you mean apply?");
  }
});

test.each([[["--help"]], [["apply", "--help"]]])("%o is answered", async (argv) => {
  const { code, out } = await answer(...argv);
  expect([code, out === ""]).toEqual([0, false]);
});

test("the help of the program says where more is", async () => {
  const { out } = await answer("--help");
  expect(out).toContain("Run awg VERB --help for the options and examples of a verb");
});

test.each(["verify", "ps", "explain"])("the help of %s names no config that it reads without -f", async (verb) => {
  const { out } = await answer(verb, "--help");
  expect(out.replaceAll(/\s+/g, " ")).toMatch(/default: the accepted state/);
  expect(out).not.toContain("/etc/awg/config.yaml");
});

/** Where the machine or its state is read, only root may (docs/reference/hosts.md). */
test("an example of a verb that needs root says so", () => {
  const readers = ["plan", "diff", "status", "history", "get", "drift", "verify", "doctor"];
  const examples = VERBS.filter(({ name }) => readers.includes(name)).flatMap((verb) => verb.examples);
  expect(examples.length).toBeGreaterThan(readers.length);
  for (const [line] of examples) expect(line).toMatch(/^sudo awg /);
});

/** Their help offered to act in a network namespace. */
test.each(["init", "validate", "schema", "import", "export", "completion", "version"])(
  "the help of %s, which reads files alone, offers no machine, and the rest as every verb's",
  async (verb) => {
    const { out } = await answer(verb, "--help");
    expect(out).not.toMatch(/--(host|netns|state-dir)/);
    expect(out).toMatch(/--json.*--debug/s);
    expect((await answer("plan", "--help")).out).toMatch(/--host.*--netns.*--state-dir/s);
  },
);

test("the options of the machine are read before and behind such a verb, as of any other", async () => {
  const { code, out } = await answer("version", "--host", "simulated", "--state-dir=/nowhere");
  expect([code, out]).toEqual([0, expect.stringContaining("awg ")]);
});

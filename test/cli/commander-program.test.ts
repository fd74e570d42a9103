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
    ask: () => undefined,
    readInput: () => "",
  };
  const code = await runByCommander(argv, { terminal, environment: {}, verbs: VERBS, globalOptions: GLOBAL_OPTIONS });
  return { code, out, err };
}

test("the help of a verb that there is not is a mistake, told with the nearest one", async () => {
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

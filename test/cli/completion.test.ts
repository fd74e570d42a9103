import { spawnSync } from "node:child_process";
import { describe, expect, test } from "vitest";
import { GLOBAL_OPTIONS } from "../../src/cli/verb-options.ts";
import { completionScript } from "../../src/cli/verbs/completion.ts";
import { VERBS } from "../../src/cli/verbs.ts";

const script = (shell: "bash" | "zsh" | "fish"): string => completionScript(shell, VERBS, GLOBAL_OPTIONS);
const listed = VERBS.filter(({ hidden }) => hidden !== true).map(({ name }) => name);

function completeInBash(...words: readonly string[]): readonly string[] {
  const array = words.map((word) => `'${word}'`).join(" ");
  const ask = `COMP_WORDS=(${array}); COMP_CWORD=${words.length - 1}; _awg; printf '%s\\n' "\${COMPREPLY[@]}"`;
  const { stdout, status } = spawnSync("bash", ["-c", `${script("bash")}\n${ask}`], { encoding: "utf8" });
  expect(status).toBe(0);
  return stdout.split("\n").filter(Boolean);
}

describe("completion", () => {
  test("bash completes verbs", () => {
    const expected = listed.filter((name) => name.startsWith("d")).toSorted();
    expect(expected).toContain("drift");
    expect(completeInBash("awg", "d").toSorted()).toEqual(expected);
    expect(completeInBash("awg", "").toSorted()).toEqual(listed.toSorted());
  });

  test("bash completes the options of a verb", () => {
    expect(completeInBash("awg", "plan", "--o")).toEqual(["--out"]);
    expect(completeInBash("awg", "destroy", "--out")).toEqual([]);
  });

  test("bash completes the shells", () => {
    expect(completeInBash("awg", "completion", "")).toEqual(["bash", "zsh", "fish"]);
  });

  test.each(["bash", "zsh", "fish"] as const)("%s names every verb and every option", (shell) => {
    const text = script(shell);
    for (const name of listed) expect(text).toContain(name);
    for (const { flags } of VERBS.filter(({ hidden }) => hidden !== true).flatMap(({ options }) => options))
      expect(text).toContain(/--([a-z-]+)/.exec(flags)?.[1]);
    expect(text).not.toContain("keeper");
  });
});

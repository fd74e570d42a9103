import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import { GLOBAL_OPTIONS } from "../../src/cli/verb-options.ts";
import { completionScript } from "../../src/cli/verbs/completion/completion.ts";
import { VERBS } from "../../src/cli/verbs.ts";
import { hasProgram } from "../lab/world/command.ts";
import { temporaryFolder } from "../support/folder.ts";

type Shell = "bash" | "zsh" | "fish";
const script = (shell: Shell): string => completionScript(shell, VERBS, GLOBAL_OPTIONS);
const listed = VERBS.filter(({ hidden }) => hidden !== true).map(({ name }) => name);

let folder = "";
beforeAll(() => {
  folder = temporaryFolder("completion");
  for (const name of ["alpha.yaml", "beta.yaml"]) writeFileSync(join(folder, name), "");
  writeFileSync(join(folder, "owned.json"), OWNED);
  writeFileSync(join(folder, "_awg"), script("zsh"));
  writeFileSync(join(folder, "awg.fish"), script("fish"));
});

/** Stand in for the host: what it owns, and its network namespaces. */
const OWNED = '{"resources":[{"key":"tunnel/office","kind":"tunnel"},{"key":"routes/office","kind":"routes"}]}';
const DOUBLES = {
  bash: `awg() { echo '${OWNED}'; }; ip() { echo 'alps (id: 0)'; echo lab; }`,
  fish: `function awg; echo '${OWNED}'; end; function ip; echo 'alps (id: 0)'; echo lab; end`,
};

function completeInBash(...words: readonly string[]): readonly string[] {
  const array = words.map((word) => `'${word}'`).join(" ");
  const ask = `${DOUBLES.bash}; COMP_WORDS=(${array}); COMP_CWORD=${words.length - 1}; _awg; printf '%s\\n' "\${COMPREPLY[@]}"`;
  return linesOf("bash", ["-c", `${script("bash")}\n${ask}`]);
}

function completeInFish(...words: readonly string[]): readonly string[] {
  const ask = `${DOUBLES.fish}; source awg.fish; complete -C '${words.join(" ")}'`;
  return linesOf("fish", ["--no-config", "-c", ask]).map((line) => line.split("\t")[0] ?? "");
}

function linesOf(program: string, args: readonly string[]): readonly string[] {
  const { stdout, status } = spawnSync(program, args, { encoding: "utf8", cwd: folder });
  expect(status).toBe(0);
  return stdout.split("\n").filter(Boolean);
}

/**
 * Types the words, TAB and Enter at a real zsh, where `awg` is a function that prints its arguments. Enter waits
 * in its input while it completes: zsh would otherwise take the TAB for pasted text.
 */
function typedInZsh(typed: string, load: string): string {
  const session = `
zmodload zsh/zpty
zpty -b z zsh -f -i
zpty -w z 'PS1=; zstyle ":completion:*" insert-tab false; autoload -Uz compinit; ${load}; awg() { if [[ $1 = get && $2 = --json ]]; then cat owned.json; else print -r -- "CALLED-WITH:$*:"; fi }; print -r -- "READY"":"'
zpty -r z out '*READY:*'
zpty -w -n z $'${typed}\\t\\n'
zpty -r z out '*CALLED-WITH:*:*'
print -r -- "$out"
zpty -d z`;
  const env = { ...process.env, COLUMNS: "80" };
  const { stdout } = spawnSync("zsh", ["-f", "-c", session], { encoding: "utf8", cwd: folder, env, timeout: 60_000 });
  return /CALLED-WITH:([^$]*?) ?:/.exec(stdout)?.[1] ?? `nothing: ${JSON.stringify(stdout)}`;
}

const lists = { bash: completeInBash, fish: completeInFish } as const;

const whyNot = (shell: Shell): string => (hasProgram(shell) ? "" : ` (skipped: ${shell} is not installed)`);

describe.each((["bash", "fish"] as const).map((shell) => [shell, whyNot(shell)] as const))(
  "completion in %s%s",
  (shell) => {
    const complete = lists[shell];
    const it = test.skipIf(!hasProgram(shell));

    it("knows the verbs", () => {
      const expected = listed.filter((name) => name.startsWith("d")).toSorted();
      expect(expected).toContain("drift");
      expect(
        complete("awg", "d")
          .filter((name) => name.startsWith("d"))
          .toSorted(),
      ).toEqual(expected);
      expect(complete("awg", "").toSorted()).toEqual(listed.toSorted());
    });

    it("knows the options of a verb", () => {
      expect(complete("awg", "plan", "--o")).toEqual(["--out"]);
      expect(complete("awg", "destroy", "--out")).toEqual([]);
    });

    it("knows what an option takes", () => {
      expect(complete("awg", "plan", "-f", "al")).toEqual(["alpha.yaml"]);
      expect(complete("awg", "plan", "--file", "")).toEqual(expect.arrayContaining(["alpha.yaml", "beta.yaml"]));
      expect(complete("awg", "status", "--host", "s")).toEqual(["simulated"]);
      expect(complete("awg", "status", "--netns", "al")).toEqual(["alps"]);
      expect(complete("awg", "plan", "--target", "").toSorted()).toEqual(["routes/office", "tunnel/office"]);
      expect(complete("awg", "import", "--name", "")).toEqual([]);
    });

    it("knows what a verb takes", () => {
      expect(complete("awg", "completion", "").toSorted()).toEqual(["bash", "fish", "zsh"]);
      expect(complete("awg", "import", "be")).toEqual(["beta.yaml"]);
      expect(complete("awg", "rollback", "al")).toEqual([]);
      expect(complete("awg", "down", "")).toEqual(["office"]);
      expect(complete("awg", "get", "ro")).toEqual(["routes/office"]);
    });
  },
);

describe.skipIf(!hasProgram("zsh"))(`completion in zsh${whyNot("zsh")}`, () => {
  const sourced = "compinit -u -D; source ./_awg";

  test.each([
    ["awg dest", "destroy"],
    ["awg plan --ou", "plan --out"],
    ["awg plan -f al", "plan -f alpha.yaml"],
    ["awg plan -f alpha.yaml --file be", "plan -f alpha.yaml --file beta.yaml"],
    ["awg status --host simulated --js", "status --host simulated --json"],
    ["awg completion f", "completion fish"],
    ["awg import be", "import beta.yaml"],
    ["awg rollback al", "rollback al"],
    ["awg down o", "down office"],
    ["awg plan --target r", "plan --target routes/office"],
  ])("%s TAB", (typed, called) => {
    expect(typedInZsh(typed, sourced)).toBe(called);
  });

  test("as a file of fpath it completes at the first TAB", () => {
    expect(typedInZsh("awg dest", `fpath=(${folder} $fpath); compinit -u -D`)).toBe("destroy");
  });
});

test.each(["bash", "zsh", "fish"] as const)("the script for %s names every verb and every option", (shell) => {
  const text = script(shell);
  for (const name of listed) expect(text).toContain(name);
  for (const { flags } of VERBS.filter(({ hidden }) => hidden !== true).flatMap(({ options }) => options))
    expect(text).toContain(/--([a-z-]+)/.exec(flags)?.[1]);
  expect(text).not.toContain("keeper");
});

import { execFileSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, test } from "vitest";
import { VERBS } from "../../src/cli/verbs.ts";
import { initConfig } from "../../src/config/init-config.ts";
import { loadConfig } from "../../src/config/load-config.ts";
import { filesBelow, ROOT, read } from "./sources.ts";

const pages = execFileSync("git", ["ls-files", "-z", "*.md"], { cwd: ROOT, encoding: "utf8" })
  .split("\0")
  .filter((page) => page !== "" && existsSync(join(ROOT, page)));

/** Where the links of a page lead, as paths from the root; other sites and places on the same page left out. */
function linkedFrom(page: string): readonly string[] {
  return [...read(page).matchAll(/\]\(([^)\s]+)\)/g)]
    .map(([, target = ""]) => target.replace(/#.*$/, ""))
    .filter((target) => target !== "" && !/^[a-z]+:/.test(target))
    .map((target) => join(dirname(page), target));
}

/** Names of a page's headings in links, as GitHub makes them. */
function anchorsOf(page: string): ReadonlySet<string> {
  const headings = read(page)
    .replaceAll(/```[\s\S]*?```/g, "")
    .matchAll(/^#+ (.*)$/gm);
  const text = (heading: string) =>
    heading
      .replaceAll(/\[([^\]]*)\]\([^)]*\)/g, "$1")
      .trim()
      .toLowerCase();
  return new Set(
    [...headings].map(([, heading = ""]) =>
      text(heading)
        .replaceAll(/[^\p{L}\p{N}_ -]/gu, "")
        .replaceAll(" ", "-"),
    ),
  );
}

describe("pages", () => {
  test("there are some, with links", () => {
    expect(pages.length).toBeGreaterThan(10);
    expect(pages.flatMap(linkedFrom).length).toBeGreaterThan(10);
  });

  test("every relative link leads to a file or folder that exists", () => {
    const broken = pages.flatMap((page) =>
      linkedFrom(page)
        .filter((target) => !existsSync(join(ROOT, target)))
        .map((target) => `${page} → ${target}`),
    );
    expect(broken).toEqual([]);
  });

  test("every link to a heading leads to one that exists", () => {
    const links = pages.flatMap((page) =>
      [...read(page).matchAll(/\]\(([^)\s#]*)#([^)\s]+)\)/g)]
        .filter(([, target = ""]) => !/^[a-z]+:/.test(target) && /(^|\.md)$/.test(target))
        .map(([, target = "", anchor = ""]) => ({ page: target === "" ? page : join(dirname(page), target), anchor })),
    );
    expect(links.length).toBeGreaterThan(0);
    expect(links.filter(({ page, anchor }) => !anchorsOf(page).has(anchor))).toEqual([]);
  });

  test("every file of this repository that a page names in code exists", () => {
    const named = /`((?:src|test|docs|bench|scripts|schema|examples)\/[\w./-]+)`/g;
    const missing = pages.flatMap((page) =>
      [...read(page).matchAll(named)]
        .map(([, path = ""]) => path)
        .filter((path) => !existsSync(join(ROOT, path)))
        .map((path) => `${page} → ${path}`),
    );
    expect(missing).toEqual([]);
  });

  test("every page that code names exists", () => {
    const sources = ["src", "test", "bench", "scripts"].flatMap((folder) => filesBelow(folder));
    const named = sources.flatMap((file) =>
      [...read(file).matchAll(/\bdocs\/[\w./-]+\.md\b/g)].map(([page]) => ({ file, page })),
    );
    expect(named.length).toBeGreaterThan(10);
    expect(named.filter(({ page }) => !existsSync(join(ROOT, page)))).toEqual([]);
  });

  test("the index of decisions lists each of them", () => {
    const index = new Set(linkedFrom("docs/adr/README.md"));
    const decisions = pages.filter((page) => /^docs\/adr\/\d/.test(page));
    expect(decisions.length).toBeGreaterThan(10);
    expect(decisions.filter((page) => !index.has(page))).toEqual([]);
  });

  test("the configuration in README.md has no problem", () => {
    const blocks = [...read("README.md").matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, yaml = ""]) => yaml);
    expect(blocks.length).toBeGreaterThan(0);
    for (const text of blocks) expect(loadConfig([{ name: "README.md", text }]).problems).toEqual([]);
  });

  test("what awg init writes names only verbs that exist", () => {
    const names = new Set(VERBS.map(({ name }) => name));
    const typed = [...initConfig().matchAll(/\bawg ([a-z]+)\b/g)].map(([, verb = ""]) => verb);
    expect(typed.length).toBeGreaterThan(0);
    expect(typed.filter((verb) => !names.has(verb))).toEqual([]);
  });
});

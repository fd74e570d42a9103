import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { chooseRule, type ProgramRule } from "../../../src/app/programs/choose-rule.ts";
import {
  matchProgram,
  type ProgramContext,
  type ProgramMatch,
  type Verdict,
} from "../../../src/app/programs/match-program.ts";
import { matchesGlob } from "../../../src/model/program/glob.ts";
import type { Program } from "../../../src/model/program/program.ts";
import { TtlCache } from "../../../src/model/program/ttl-cache.ts";
import { checkProperty } from "../../support/seeded.ts";

const SHELL: Program = { pid: 10, since: 1n, parentPid: 1, uid: 1000, name: "bash", path: "/usr/bin/bash" };
const INIT: Program = { pid: 1, since: 0n, parentPid: 0, uid: 0, name: "init", path: "/sbin/init" };
const FIREFOX: Program = {
  pid: 11,
  since: 2n,
  parentPid: 10,
  uid: 1000,
  name: "firefox",
  path: "/opt/firefox/firefox",
  commandLine: ["firefox", "--profile", "work"],
  cgroup: "/user.slice/user-1000.slice/firefox.scope",
};
/** The same on a Mac. */
const HELPER: Program = {
  ...FIREFOX,
  bundleIds: ["org.mozilla.plugincontainer", "org.mozilla.firefox"],
  signer: "43AQ936H96",
};
/** Another user's process, for who is not root: no file, no arguments. */
const HIDDEN: Program = { pid: 12, since: 3n, parentPid: 99, uid: 0, name: "backup" };
const KERNEL: Program = { pid: 2, since: 0n, parentPid: 0, uid: 0, name: "kthreadd", path: null, cgroup: "/" };

const AROUND: ProgramContext = {
  uids: { anna: 1000, root: 0 },
  byPid: new Map([INIT, SHELL, FIREFOX, HIDDEN, KERNEL].map((program) => [program.pid, program])),
  hasBundles: false,
};

const app = (name: string) => ({ kind: "name", name }) as const;
const inPath = (path: string) => ({ kind: "path", path }) as const;

describe("what a rule's fields mean for a program", () => {
  const table: readonly (readonly [ProgramMatch, Program, Verdict])[] = [
    [{ apps: [app("firefox")] }, FIREFOX, "yes"],
    [{ apps: [app("Firefox")] }, FIREFOX, "no"],
    [{ apps: [app("curl"), app("firefox")] }, FIREFOX, "yes"],
    [{ apps: [] }, FIREFOX, "no"],
    // A process may call itself anything; without its file its own word is not enough.
    [{ apps: [app("backup")] }, HIDDEN, "unknown"],
    [{ apps: [app("firefox")], children: false }, HIDDEN, "no"],
    // What it was started by could be it.
    [{ apps: [app("firefox")] }, HIDDEN, "unknown"],
    [{ apps: [app("bash")] }, FIREFOX, "yes"],
    [{ apps: [app("bash")], children: false }, FIREFOX, "no"],
    [{ classes: { in: [3] } }, FIREFOX, "unknown"],
    [{ apps: [app("a-very-long-name-of-a-program")] }, { ...HIDDEN, name: "a-very-long-nam" }, "unknown"],
    [{ apps: [app("kthreadd")] }, KERNEL, "yes"],
    [{ apps: [app("firefox")] }, { ...FIREFOX, name: "innocent" }, "yes"],
    [{ apps: [app("innocent")] }, { ...FIREFOX, name: "innocent" }, "no"],
    [{ apps: [inPath("/opt/**")] }, FIREFOX, "yes"],
    [{ apps: [inPath("/opt/*")] }, FIREFOX, "no"],
    [{ apps: [inPath("/opt/**")] }, HIDDEN, "unknown"],
    [{ apps: [inPath("/**")] }, KERNEL, "no"],
    [{ apps: [{ kind: "dir", dir: "/opt/firefox/" }] }, FIREFOX, "yes"],
    [{ apps: [{ kind: "dir", dir: "/opt/fire" }] }, FIREFOX, "no"],
    [{ apps: [{ kind: "contains", contains: "fox/f" }] }, FIREFOX, "yes"],
    [{ apps: [{ kind: "regex", regex: "^/opt/.*x$" }] }, FIREFOX, "yes"],
    [{ apps: [{ kind: "regex", regex: "^fire" }] }, FIREFOX, "no"],
    [{ apps: [{ kind: "bundleId", bundleId: "org.mozilla.firefox" }] }, FIREFOX, "no"],
    [{ users: ["anna"] }, FIREFOX, "yes"],
    [{ users: ["1000"] }, FIREFOX, "yes"],
    [{ users: ["nobody-here"] }, FIREFOX, "no"],
    [{ users: ["constructor"] }, FIREFOX, "no"],
    [{ uids: [{ from: 900, to: 1000 }] }, FIREFOX, "yes"],
    [{ uids: [{ from: 0, to: 999 }] }, FIREFOX, "no"],
    [{ cgroups: ["user.slice"] }, FIREFOX, "yes"],
    [{ cgroups: ["/user.slice/user-1000.slice/firefox.scope/"] }, FIREFOX, "yes"],
    [{ cgroups: ["/user.slice/user-100"] }, FIREFOX, "no"],
    [{ cgroups: ["/"] }, FIREFOX, "yes"],
    [{ cgroups: ["/user.slice"] }, HIDDEN, "unknown"],
    [{ cgroups: ["/user.slice"] }, { ...FIREFOX, cgroup: null }, "no"],
    [{ commandLine: ["--profile work$"] }, FIREFOX, "yes"],
    [{ commandLine: ["--profile"] }, HIDDEN, "unknown"],
    [{ parent: [app("bash")] }, FIREFOX, "yes"],
    [{ parent: [app("init")] }, FIREFOX, "yes"],
    [{ parent: [app("firefox")] }, FIREFOX, "no"],
    [{ parent: [app("bash")] }, HIDDEN, "unknown"],
    [{ parent: [app("bash")] }, INIT, "no"],
    [{ destinations: [] }, FIREFOX, "depends"],
    [{ ports: [{ from: 1, to: 2 }] }, FIREFOX, "depends"],
    [{ when: [{ wired: true }] }, FIREFOX, "depends"],
    [{ apps: [app("curl")], destinations: [] }, FIREFOX, "no"],
    [{ apps: [app("firefox")], protocol: ["tcp"] }, FIREFOX, "depends"],
    [{ not: { apps: [app("curl")] } }, FIREFOX, "yes"],
    [{ not: { destinations: [] } }, FIREFOX, "depends"],
    [{ any: [{ destinations: [] }, { apps: [app("firefox")] }] }, FIREFOX, "yes"],
    [{ all: [{ destinations: [] }, { apps: [app("firefox")] }] }, FIREFOX, "depends"],
    [{ all: [{ destinations: [] }, { apps: [app("backup")] }] }, HIDDEN, "unknown"],
    [{}, FIREFOX, "yes"],
  ];

  test.each(table)("%j of %o", (match, program, verdict) => {
    expect(matchProgram(match, program, AROUND)).toBe(verdict);
  });

  const bundle = (bundleId: string): ProgramMatch => ({ apps: [{ kind: "bundleId", bundleId }], children: false });
  const signer = (name: string): ProgramMatch => ({ apps: [{ kind: "signer", signer: name }], children: false });
  test.each([
    [bundle("org.mozilla.firefox"), HELPER, "yes"],
    [bundle("org.mozilla.Firefox"), HELPER, "yes"],
    [bundle("org.mozilla.plugincontainer"), HELPER, "yes"],
    [bundle("org.mozilla"), HELPER, "no"],
    [bundle("org.mozilla.firefox"), { ...HELPER, bundleIds: [] }, "no"],
    [bundle("org.mozilla.firefox"), FIREFOX, "unknown"],
    [signer("43AQ936H96"), HELPER, "yes"],
    [signer("43aq936h96"), HELPER, "no"],
    [signer("apple"), { ...HELPER, signer: "apple" }, "yes"],
    [signer("43AQ936H96"), { ...HELPER, signer: null }, "no"],
    [signer("43AQ936H96"), FIREFOX, "unknown"],
  ] as const)("on a Mac: %j of %o", (match, program, verdict) => {
    expect(matchProgram(match, program, { ...AROUND, hasBundles: true })).toBe(verdict);
    expect(matchProgram(match, program, AROUND)).toBe("no");
  });

  test("ancestors that were read in a circle end the search", () => {
    const one: Program = { ...SHELL, pid: 50, parentPid: 51 };
    const other: Program = { ...SHELL, pid: 51, parentPid: 50 };
    const around = { ...AROUND, byPid: new Map([one, other].map((program) => [program.pid, program])) };
    expect(matchProgram({ parent: [app("init")] }, one, around)).toBe("no");
  });

  test("an expression that would take for ever sees no more than 4,096 characters", () => {
    const program = { ...FIREFOX, commandLine: [`${"a".repeat(5000)}needle`] };
    expect(matchProgram({ commandLine: ["needle"] }, program, AROUND)).toBe("no");
  });
});

describe("what could not be read never turns into a certain answer", () => {
  const leaf = fc.constantFrom<ProgramMatch>(
    { apps: [app("firefox")] },
    { apps: [inPath("/opt/**")] },
    { users: ["anna"] },
    { cgroups: ["/user.slice"] },
    { commandLine: ["work"] },
    { apps: [{ kind: "bundleId", bundleId: "org.mozilla.firefox" }] },
    { apps: [{ kind: "signer", signer: "43AQ936H96" }] },
    { destinations: [] },
  );
  const ON_A_MAC = { ...AROUND, hasBundles: true };
  const match = fc.letrec<{ tree: ProgramMatch }>((tie) => ({
    tree: fc.oneof(
      { maxDepth: 4 },
      leaf,
      fc.record({ not: tie("tree") }),
      fc.record({ all: fc.array(tie("tree"), { minLength: 1, maxLength: 3 }) }),
      fc.record({ any: fc.array(tie("tree"), { minLength: 1, maxLength: 3 }) }),
    ),
  })).tree;
  const FIELDS = ["path", "uid", "cgroup", "commandLine", "bundleIds", "signer"] as const;

  test("law 9: hiding fields of a program leaves each verdict or makes it unknown", () => {
    checkProperty(
      fc.property(match, fc.subarray([...FIELDS]), (one, hidden) => {
        const seen = matchProgram(one, HELPER, ON_A_MAC);
        const rest = Object.fromEntries(Object.entries(HELPER).filter(([key]) => !hidden.includes(key as "path")));
        const blind = matchProgram(one, rest as unknown as Program, ON_A_MAC);
        // Without its file a program is told by its name alone, which is certain only that it is another.
        expect([seen, "unknown"]).toContain(blind);
      }),
    );
  });

  test("not not is the same, and not never changes whether it is certain", () => {
    checkProperty(
      fc.property(match, (one) => {
        const verdict = matchProgram(one, FIREFOX, AROUND);
        expect(matchProgram({ not: { not: one } }, FIREFOX, AROUND)).toBe(verdict);
        const turned = matchProgram({ not: one }, FIREFOX, AROUND);
        expect(turned).toBe(verdict === "yes" ? "no" : verdict === "no" ? "yes" : verdict);
      }),
    );
  });
});

describe("first match wins", () => {
  const rule = (origin: string, match: ProgramMatch): ProgramRule => ({
    origin,
    match,
    via: origin,
    enforcement: "enforced",
  });
  const last = rule("default", {});

  test("a rule that certainly applies ends the search; what may come before it is shown", () => {
    const rules = [
      rule("a", { apps: [app("curl")] }),
      rule("b", { destinations: [] }),
      rule("b", { ports: [{ from: 1, to: 2 }] }),
      rule("c", { apps: [app("firefox")] }),
      rule("d", {}),
    ];
    const { rule: chosen, perhaps } = chooseRule(rules, last, FIREFOX, AROUND);
    expect(chosen.origin).toBe("c");
    expect(perhaps.map(({ rule: { origin }, why }) => [origin, why])).toEqual([["b", "depends"]]);
  });

  test("without any the default applies", () => {
    expect(chooseRule([rule("a", { users: ["root"] })], last, FIREFOX, AROUND).rule).toBe(last);
  });
});

describe("patterns of paths", () => {
  test.each([
    ["/opt/**", "/opt/a/b", true],
    ["/opt/**", "/opt", true],
    ["/opt/**/x", "/opt/x", true],
    ["/opt/**/x", "/opt/a/b/x", true],
    ["/opt/*/x", "/opt/a/b/x", false],
    ["/opt/fire*", "/opt/firefox", true],
    ["/opt/*fox*", "/opt/firefox-esr", true],
    ["/opt/f?refox", "/opt/firefox", false],
    ["/opt/f[i]refox", "/opt/firefox", false],
    ["/opt/a.b", "/opt/axb", false],
    ["**", "/anything/at/all", true],
    ["/a**b/c", "/axxb/c", true],
    ["/a**b/c", "/ax/xb/c", false],
  ])("%s and %s: %s", (pattern, path, fits) => {
    expect(matchesGlob(pattern, path)).toBe(fits);
  });

  test("agree with the regular expression that says the same", () => {
    const part = fc.constantFrom("a", "b", "ab", "*", "**", "a*", "*b", "a*b");
    const name = fc.constantFrom("a", "b", "ab", "aab", "abb", "");
    checkProperty(
      fc.property(fc.array(part, { maxLength: 5 }), fc.array(name, { maxLength: 5 }), (parts, names) => {
        const [pattern, path] = [`/${parts.join("/")}`, `/${names.join("/")}`];
        const body = parts
          .map((one) => (one === "**" ? "(?:/[^/]*)*" : `/${one.replaceAll(/\*+/g, "[^/]*")}`))
          .join("");
        const expected = parts.length === 0 ? path === "/" : new RegExp(`^${body}$`).test(path);
        expect(matchesGlob(pattern, path)).toBe(expected);
      }),
      2000,
    );
  });

  test("a pattern made to be slow is not", () => {
    expect(matchesGlob(`/${"*a".repeat(500)}`, `/${"a".repeat(2000)}b`)).toBe(false);
    expect(matchesGlob(`${"/**/a".repeat(60)}`, `${"/a".repeat(500)}/b`)).toBe(false);
  });
});

describe("answers that are kept", () => {
  test("are given again until their time is over", () => {
    const kept = new TtlCache<number>(300);
    let asked = 0;
    const ask = (nowMs: number) => kept.get("q", nowMs, () => ++asked);
    expect([ask(0), ask(299), ask(300), ask(599), ask(601)]).toEqual([1, 1, 2, 2, 3]);
  });

  test("that there is nothing is an answer too", () => {
    const kept = new TtlCache<undefined>(300);
    let asked = 0;
    for (const nowMs of [0, 1, 2]) kept.get("q", nowMs, () => void ++asked);
    expect(asked).toBe(1);
  });

  test("never are more than fit", () => {
    const kept = new TtlCache<number>(1_000_000, 10);
    let asked = 0;
    for (let round = 0; round < 3; round++) for (let q = 0; q < 20; q++) kept.get(String(q), round, () => ++asked);
    expect(asked).toBe(60);
  });
});

import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { matchesGlob } from "../../../../src/model/program/glob.ts";
import { MOST_STATES, PatternTooLarge } from "../../../../src/model/program/pattern/automaton.ts";
import { matchesPattern, patternAutomaton } from "../../../../src/model/program/pattern/pattern.ts";
import { UnsupportedRegex } from "../../../../src/model/program/pattern/regex-syntax.ts";

const regex = (source: string) => ({ regex: source });

describe("patterns", () => {
  test.each([
    ["torrent", ["/opt/qbittorrent", "torrent"], ["/opt/torren", ""]],
    ["^/opt/[^/]+/run$", ["/opt/game/run"], ["/opt/game/x/run", "/opt//run", "/opt/game/run.sh"]],
    ["(?:steam|wine)(64)?$", ["/usr/bin/wine64", "x/steam"], ["/usr/bin/wine32"]],
    ["\\.jar(?: |$)", ["java -jar a.jar", "java -jar a.jar -v"], ["a.jars"]],
    ["--profile=(work|home)\\b".replace("\\b", "( |$)"), ["ff --profile=work x"], ["ff --profile=works"]],
    ["^$", [""], ["x"]],
    ["a{2,3}b", ["aab", "caaab"], ["ab"]],
    ["[\\d\\-x]z", ["7z", "-z", "xz"], ["az"]],
    ["\\u{e9}t\\xe9", ["été"], ["ete"]],
    ["[а-я]{3}", ["/opt/игра"], ["/opt/иг"]],
    ["^.{3}$", ["a€😀"], ["a€", "ab\n"]],
    ["[^/]é", ["xé", "éé"], ["/é", "é"]],
    ["(?<year>20\\d\\d)-", ["x2026-"], ["x1999-"]],
    ["\\cA[\\b]", ["\u0001\b"], ["A"]],
  ])("%s", (source, found, others) => {
    expect(found.map((text) => [text, matchesPattern(regex(source), text)])).toEqual(found.map((text) => [text, true]));
    expect(others.map((text) => [text, matchesPattern(regex(source), text)])).toEqual(
      others.map((text) => [text, false]),
    );
  });

  test.each(["(?=a)", "(?<!a)b", "(a)\\1", "(?<x>a)\\k<x>", "\\bfire", "\\p{L}", "[^é]", "[\\u0100-\\uffff]"])(
    "%s is refused",
    (source) => {
      expect(() => patternAutomaton(regex(source))).toThrow(UnsupportedRegex);
    },
  );

  test("what would need too many states is refused at once", () => {
    const begin = performance.now();
    for (const source of ["(a|b){12}a(a|b)*", "((a{200}){200}){200}", "x".repeat(MOST_STATES + 1)]) {
      expect(() => patternAutomaton(regex(source))).toThrow(PatternTooLarge);
    }
    expect(performance.now() - begin).toBeLessThan(5000);
  });

  test("an expression on a command line is read from its begin", () => {
    const command = (commandLine: string) => ({ commandLine });
    expect(() => patternAutomaton(command("(a|b)*a(a|b){12}"))).toThrow(PatternTooLarge);
    expect(matchesPattern(command("^java .*-jar \\S+$"), "java -x -jar a.jar")).toBe(true);
    expect(matchesPattern(command("^-jar"), "java -jar")).toBe(false);
  });

  test("a search takes time in proportion to the text", () => {
    expect(matchesPattern(regex("(a+)+$"), `${"a".repeat(4095)}b`)).toBe(false);
  });

  const char = fc.constantFrom("a", "b", "/", "é", " ", "\n");
  const atom = fc.constantFrom("a", "b", "/", "é", ".", "[ab]", "[^a]", "\\w", "\\S", "\\n", "^", "$", "[é/]", "\\/");
  const source = fc.letrec<{ any: string }>((tie) => ({
    any: fc.oneof(
      { maxDepth: 4 },
      atom,
      fc.tuple(tie("any"), tie("any")).map(([one, other]) => `${one}${other}`),
      fc.tuple(tie("any"), tie("any")).map(([one, other]) => `(?:${one}|${other})`),
      fc
        .tuple(tie("any"), fc.constantFrom("*", "+", "?", "*?", "{2}", "{1,}", "{0,2}"))
        .map(([one, times]) => `(${one})${times}`),
    ),
  })).any;

  test("property: an automaton finds exactly what RegExp finds", () => {
    fc.assert(
      fc.property(source, fc.array(fc.array(char, { maxLength: 8 }), { maxLength: 20 }), (pattern, texts) => {
        const known = new RegExp(pattern, "u");
        for (const chars of texts) {
          const text = chars.join("");
          expect([pattern, text, matchesPattern(regex(pattern), text)]).toEqual([pattern, text, known.test(text)]);
        }
      }),
      { numRuns: 500 },
    );
  });

  const name = fc
    .array(fc.constantFrom("a", "b", "*", "**", "é", "?"), { maxLength: 3 })
    .map((parts) => parts.join(""));
  const path = fc.array(name, { minLength: 1, maxLength: 5 }).map((names) => `/${names.join("/")}`);

  test("property: a glob's automaton is the glob, and contains is a part of the text", () => {
    fc.assert(
      fc.property(path, path, (glob, text) => {
        expect(matchesPattern({ glob }, text)).toBe(matchesGlob(glob, text));
        expect(matchesPattern({ contains: glob }, text)).toBe(text.includes(glob));
      }),
      { numRuns: 500 },
    );
  });
});

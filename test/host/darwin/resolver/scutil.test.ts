import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { DNS_KEY, listOf, parseShown, renderResolverScript } from "../../../../src/host/darwin/resolver/scutil.ts";
import { SEED } from "../../../support/seeded.ts";
import { scutilWords } from "../fake/programs/fake-scutil.ts";

const HOSTILE = [
  '"',
  'a" b',
  "a\nquit",
  "a\nremove State:/Network/Global/DNS",
  "a\\",
  '\\"',
  "a b",
  "a\tb",
  "\0",
  "*",
  "$(id)",
  "`id`",
  "; id",
  "–",
  "\u2028",
  "\u202e",
  "",
  "%n\n",
  "-f",
  "x".repeat(65_536),
];

/** What scutil would do with a script: its commands as lists of words. */
function commandsOf(script: string): string[][] {
  return script
    .split("\n")
    .map(scutilWords)
    .filter((words) => words.length > 0);
}

function expected(server: string, search: readonly string[]): string[][] {
  return [
    ["d.init"],
    ["d.add", "ServerAddresses", "*", server],
    ["d.add", "SupplementalMatchDomains", "*", "", ...search],
    ["d.add", "SearchOrder", "#", "100000"],
    ["set", DNS_KEY],
    ["show", DNS_KEY],
    ["quit"],
  ];
}

describe("H3, D1: the script for scutil", () => {
  test("says each value as one word and nothing else", () => {
    expect(commandsOf(renderResolverScript({ servers: ["fe80::1%en0"], search: ["corp.example", "x-y_z"] }))).toEqual(
      expected("fe80::1%en0", ["corp.example", "x-y_z"]),
    );
  });

  test.each(HOSTILE.map((text) => [JSON.stringify(text).slice(0, 40), text] as const))(
    "takes %s as it is, or not at all",
    (_name, text) => {
      for (const spec of [
        { servers: [text], search: [] },
        { servers: ["192.0.2.1"], search: [text] },
      ]) {
        let script: string;
        try {
          script = renderResolverScript(spec);
        } catch (error) {
          expect(error).toMatchObject({ kind: "config" });
          continue;
        }
        expect(commandsOf(script)).toEqual(expected(spec.servers[0] ?? "", spec.search));
      }
    },
  );

  test("any text at all is one word or an error", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 30 }), (text) => {
        let script: string;
        try {
          script = renderResolverScript({ servers: [text], search: [] });
        } catch {
          return;
        }
        expect(commandsOf(script)).toEqual(expected(text, []));
      }),
      { seed: SEED, numRuns: 300 },
    );
  });
});

describe("what scutil shows", () => {
  // As printed in public captures of `show State:/Network/Service/…/DNS`.
  const CAPTURE = `<dictionary> {
  DomainName : somedom.local
  SearchDomains : <array> {
    0 : somedom.local
  }
  SearchOrder : 1
  ServerAddresses : <array> {
    0 : 10.5.0.18
    1 : fde2:ec40:9312:c7fd::2
  }
  SupplementalMatchDomains : <array> {
    0 :
    1 : somedom.local
  }
}
`;

  test("is read: single values, lists, an empty word with and without its blank", () => {
    const value = parseShown(CAPTURE);
    expect(value?.get("SearchOrder")).toBe("1");
    expect(listOf(value, "ServerAddresses")).toEqual(["10.5.0.18", "fde2:ec40:9312:c7fd::2"]);
    expect(listOf(value, "SupplementalMatchDomains")).toEqual(["", "somedom.local"]);
    expect(listOf(parseShown(CAPTURE.replace("0 :\n", "0 : \n")), "SupplementalMatchDomains")[0]).toBe("");
    expect([listOf(value, "SearchOrder"), listOf(value, "nothing")]).toEqual([[], []]);
  });

  test.each([
    ["  No such key\n", undefined],
    ["", undefined],
  ])("%j is no value", (text, value) => {
    expect(parseShown(text)).toBe(value);
  });

  test.each([
    ["  Permission denied\n", "permission"],
    ["  Permission denied\n  No such key\n", "permission"],
    [`  value is too large\n${CAPTURE}`, "host"],
    ['wow: unknown, type "help" for command info\n', "host"],
  ])("%j is an error", (text, kind) => {
    expect(() => parseShown(text)).toThrow(expect.objectContaining({ kind }));
  });
});

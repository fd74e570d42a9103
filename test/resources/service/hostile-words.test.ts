import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { ServiceManager } from "../../../src/host/ports/services.ts";
import { AwgError } from "../../../src/model/error.ts";
import { renderKeeperPlist } from "../../../src/resources/service/launchd-plist.ts";
import { renderKeeperUnit } from "../../../src/resources/service/systemd-unit.ts";
import { checkProperty } from "../../support/seeded.ts";

/** What would be read as something else: markup, quotes, specifiers, variables, ends of lines and of values. */
const SPECIAL = [
  "<",
  ">",
  "&",
  "]]>",
  "</string>",
  '"',
  "'",
  "\\",
  "%n",
  "$HOME",
  "$" + "{x}",
  ";",
  "\n",
  "\r",
  "\t",
  " ",
  "#",
];
const LINES = ["\nExecStart=/bin/sh", "\r\n[Service]", "</array><key>UserName</key><string>x", "\u001b[2J", "\u0007"];
const word = fc
  .array(fc.oneof(fc.constantFrom(...SPECIAL, ...LINES), fc.string({ unit: "grapheme", maxLength: 8 })), {
    maxLength: 6,
  })
  .map((parts) => `/${parts.join("").replaceAll("\0", "")}`);
const words = fc.array(word, { minLength: 5, maxLength: 5 });
const RUNS = 2000;

const manager = (program: readonly string[], runDir: string): ServiceManager => ({
  kind: "systemd",
  program,
  configFile: "/etc/awg/config.yaml",
  runDir,
});

/** The words of ProgramArguments, read by XML's rules alone (XML 1.0 sections 2.11, 4.1). */
function wordsOfPlist(text: string): readonly string[] {
  const elements = [...text.replaceAll(/\r\n?/g, "\n").matchAll(/<(\/?[a-z]+)[^>]*>([^<]*)/g)];
  const from = elements.findIndex(([, name]) => name === "array");
  const to = elements.findIndex(([, name]) => name === "/array");
  const named: Readonly<Record<string, string>> = { amp: "&", lt: "<", gt: ">", "#13": "\r" };
  return elements
    .slice(from + 1, to)
    .filter(([, name]) => name === "string")
    .map(([, , inner = ""]) => inner.replaceAll(/&([^;]+);/g, (_all, name: string) => named[name] ?? "?"));
}

/** The words of ExecStart, read by systemd's rules (systemd.syntax(7), systemd.service(5) "Command lines"). */
function wordsOfUnit(text: string): readonly string[] {
  const lines = text.split("\n").filter((line) => line.startsWith("ExecStart"));
  expect(lines).toHaveLength(1);
  const line = (lines[0] ?? "").slice("ExecStart=".length);
  const found = [...line.matchAll(/"((?:[^"\\]|\\.)*)"|([^\s"]+)/g)].map(([, quoted, bare]) => quoted ?? bare ?? "");
  return found.map((one) =>
    one
      .replaceAll(/\\(x[0-9a-f]{2}|.)/g, (_all, code: string) =>
        code.length === 3 ? String.fromCharCode(Number.parseInt(code.slice(1), 16)) : code,
      )
      .replaceAll("%%", "%")
      .replaceAll("$$", "$"),
  );
}

describe(`D6: ${5 * RUNS} words in definitions of services come out as they went in`, () => {
  test("systemd: one command line, whatever is in the words", () => {
    checkProperty(
      fc.property(words, ([runDir = "/", ...program]) => {
        const text = renderKeeperUnit(manager(program, runDir));
        expect(wordsOfUnit(text)).toEqual([...program, "keeper", "--stay", "--run-dir", runDir]);
        expect(text.split("\n").filter((line) => line.startsWith("["))).toEqual(["[Unit]", "[Service]"]);
      }),
      RUNS,
    );
  });

  test("launchd: the same words, or a refusal of what no XML can hold", () => {
    let refused = 0;
    checkProperty(
      fc.property(words, ([runDir = "/", ...program]) => {
        const all = [...program, "keeper", "--stay", "--run-dir", runDir];
        // biome-ignore lint/suspicious/noControlCharactersInRegex: XML has no place for these.
        const cannot = all.some((one) => /[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/.test(one));
        if (cannot) {
          refused += 1;
          expect(() => renderKeeperPlist(manager(program, runDir))).toThrow(AwgError);
        } else expect(wordsOfPlist(renderKeeperPlist(manager(program, runDir)))).toEqual(all);
      }),
      RUNS,
    );
    expect(refused).toBeGreaterThan(0);
    expect(refused).toBeLessThan(RUNS);
  });
});

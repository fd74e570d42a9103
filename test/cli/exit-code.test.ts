import { describe, expect, test } from "vitest";
import { EXIT, exitCodeOf } from "../../src/cli/exit-code.ts";
import { AwgError, type ErrorKind } from "../../src/model/error.ts";
import { read } from "../repository/sources.ts";

const DOCUMENTED = /^\| ([\d, ]+) \|/gm;

describe("exit codes", () => {
  test.each<[ErrorKind, number]>([
    ["usage", 64],
    ["config", 3],
    ["permission", 77],
    ["unsupported", 12],
    ["conflict", 8],
    ["locked", 10],
    ["stale-plan", 11],
    ["host", 4],
    ["verification", 6],
    ["invariant", 7],
    ["unconfirmed", 9],
    ["journal", 5],
    ["bug", 70],
  ])("law 9: an error of kind %s exits %i", (kind, code) => {
    expect(exitCodeOf(new AwgError(kind, "x"))).toBe(code);
  });

  test("what is not an AwgError is an internal error", () => {
    expect(exitCodeOf(new TypeError("x"))).toBe(70);
    expect(exitCodeOf("x")).toBe(70);
  });

  test("docs/reference/exit-codes.md lists exactly the codes there are", () => {
    const documented = [
      ...(read("docs/reference/exit-codes.md").split("## Kinds")[0]?.matchAll(DOCUMENTED) ?? []),
    ].flatMap(([, codes]) => (codes ?? "").split(",").map(Number));
    expect(documented.toSorted((a, b) => a - b)).toEqual(Object.values(EXIT).toSorted((a, b) => a - b));
  });
});

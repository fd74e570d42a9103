import { expect, test } from "vitest";
import { darwinErrnoName, darwinError } from "../../../src/native/darwin/errno.ts";

test("a refusal tells root of a Mac what else keeps a call from it, and everybody else to be root", () => {
  const isRoot = process.geteuid?.() === 0;
  for (const errno of [1, 13]) {
    expect(darwinError("loading rules", errno)).toMatchObject({
      kind: "permission",
      remedy: isRoot ? expect.stringMatching(/System Integrity Protection.*Full Disk Access/) : "run it as root",
    });
  }
});

test("an errno is told by Darwin's number, in words that both systems share; one that nobody knows by its number", () => {
  expect([darwinErrnoName(35), darwinErrnoName(11)]).toEqual(["EAGAIN", "errno 11"]);
  expect(darwinError("connecting", 61).message).toBe("connecting failed: connection refused (ECONNREFUSED)");
  expect(darwinError("x", 4711)).toMatchObject({ kind: "host", facts: { errno: "errno 4711" }, remedy: undefined });
});

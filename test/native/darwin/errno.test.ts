import { expect, test } from "vitest";
import { darwinErrnoName, darwinError } from "../../../src/native/darwin/errno.ts";

test("a refusal names other causes to root of a Mac, and asks other users to run as root", () => {
  const isRoot = process.geteuid?.() === 0;
  for (const errno of [1, 13]) {
    expect(darwinError("loading rules", errno)).toMatchObject({
      kind: "permission",
      remedy: isRoot ? expect.stringMatching(/System Integrity Protection.*Full Disk Access/) : "run it as root",
    });
  }
});

test("an errno uses Darwin's number and texts shared by both systems; an unknown one is a number", () => {
  expect([darwinErrnoName(35), darwinErrnoName(11)]).toEqual(["EAGAIN", "errno 11"]);
  expect(darwinError("connecting", 61).message).toBe("connecting failed: connection refused (ECONNREFUSED)");
  expect(darwinError("x", 4711)).toMatchObject({ kind: "host", facts: { errno: "errno 4711" }, remedy: undefined });
});

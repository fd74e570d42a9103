import { expect, test } from "vitest";
import { Attempts } from "../../src/daemon/attempts.ts";
import { AwgError } from "../../src/model/error.ts";

const failing = (error: Error) => async () => {
  throw error;
};

test("a failure is reported once, another one too, and the first again after a success; a lock is none", async () => {
  const reported: string[] = [];
  const attempts = new Attempts("watching", ({ text }) => reported.push(text));
  for (const error of [new Error("gone"), new Error("gone"), new AwgError("locked", "busy"), new Error("gone")]) {
    await attempts.run(failing(error));
  }
  expect(reported).toEqual(["watching failed: gone"]);
  await attempts.run(failing(new Error("refused")));
  await attempts.run(async () => {});
  await attempts.run(failing(new Error("refused")));
  expect(reported).toEqual(["watching failed: gone", "watching failed: refused", "watching failed: refused"]);
});

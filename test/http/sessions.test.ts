import { expect, test } from "vitest";
import { Sessions } from "../../src/http/sessions.ts";

test("a code is good once, within a minute, and its token then stays", () => {
  let nowMs = 0;
  const sessions = new Sessions(() => nowMs);
  const code = sessions.newCode();
  expect(sessions.trade(`${code}x`)).toBeUndefined();
  const token = sessions.trade(code) ?? "";
  expect(token).toMatch(/^[A-Za-z0-9_-]{43}$/);
  expect(sessions.trade(code)).toBeUndefined();
  const late = sessions.newCode();
  nowMs = 60_001;
  expect(sessions.trade(late)).toBeUndefined();
  expect([sessions.isToken(token), sessions.isToken(`${token}x`), sessions.isToken("")]).toEqual([true, false, false]);
});

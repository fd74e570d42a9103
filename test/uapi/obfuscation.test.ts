import { describe, expect, test } from "vitest";
import { isObfuscationKey, normalizeObfuscation, OBFUSCATION_KEYS, offValueOf } from "../../src/uapi/obfuscation.ts";

describe("normalizeObfuscation", () => {
  test("what switches a parameter off is left out", () => {
    const off = Object.fromEntries(OBFUSCATION_KEYS.map((key) => [key, offValueOf(key)]));
    expect(normalizeObfuscation(off)).toEqual({});
  });

  test.each([
    ["h1", "5-5", { h1: "5" }],
    ["h1", "1-1", {}],
    ["h1", "5-6", { h1: "5-6" }],
    ["random_trailers", "true", { random_trailers: "1" }],
    ["disable_cookies", "false", {}],
    ["i1", "<b 0x00>", { i1: "<b 0x00>" }],
    ["listen_port", "5", {}],
  ])("%s=%s", (key, value, expected) => {
    expect(normalizeObfuscation({ [key]: value })).toEqual(expected);
  });

  test("knows its own keys only", () => {
    expect(isObfuscationKey("jc")).toBe(true);
    expect(isObfuscationKey("toString")).toBe(false);
    expect(isObfuscationKey("private_key")).toBe(false);
  });
});

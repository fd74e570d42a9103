import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { ACTIONS, configWordsOf, parseRunRequest, wordsOf } from "../../src/api/actions.ts";
import { VERBS } from "../../src/cli/verbs.ts";

const REQUIRED: Readonly<Record<string, Readonly<Record<string, string>>>> = {
  explain: { destination: "192.0.2.1" },
  autostart: { command: "enable" },
  stopConflict: { name: "wg-quick@wg0.service" },
};

describe("actions of the API", () => {
  test("each is a verb, and its options are the verb's", () => {
    for (const [name, { parameters, verb: wanted = name }] of Object.entries(ACTIONS)) {
      const verb = VERBS.find((one) => one.name === wanted);
      const flags = verb?.options.flatMap(({ flags: text }) => text.split(/[ ,]+/)) ?? [];
      const options = Object.values(parameters).flatMap((one) => (one.as === "argument" ? [] : [one.as]));
      expect(options.filter((option) => !flags.includes(option))).toEqual([]);
      expect(verb, name).toBeDefined();
    }
  });

  test.each(Object.entries(ACTIONS))("a viewer may ask for %s only if it changes nothing", (action, { role }) => {
    const params = REQUIRED[action] ?? {};
    const ask = () => wordsOf({ action, params }, "viewer");
    if (role === "viewer") expect(ask()[0]).toBe(action);
    else expect(ask).toThrow("only an admin");
    expect(wordsOf({ action, params }, "admin")).toContain("--json");
  });

  test("words of a call", () => {
    expect(wordsOf({ action: "apply", params: { config: "/etc/awg/a.yaml" } }, "admin")).toEqual([
      "apply",
      "--json",
      "--auto-approve",
      "--file=/etc/awg/a.yaml",
    ]);
    expect(wordsOf({ action: "down", params: { tunnel: "office" } }, "admin")).toEqual(["down", "--json", "office"]);
    const explain = (resolve: string) =>
      wordsOf({ action: "explain", params: { destination: "example.com", resolve } }, "viewer");
    expect(explain("true")).toEqual(["explain", "--json", "example.com", "--resolve"]);
    expect(explain("false")).toEqual(["explain", "--json", "example.com"]);
    expect(() => explain("--out=/etc/passwd")).toThrow("explain needs a proper resolve");
  });

  test("law 7: no value of a caller becomes an option or a second word", () => {
    const names = Object.keys(ACTIONS);
    fc.assert(
      fc.property(fc.constantFrom(...names), fc.string(), fc.string(), (action, one, other) => {
        const parameters = Object.keys(ACTIONS[action]?.parameters ?? {});
        const params = Object.fromEntries(parameters.map((name, index) => [name, index === 0 ? one : other]));
        let words: readonly string[] = [];
        try {
          words = wordsOf({ action, params }, "admin");
        } catch {
          return;
        }
        const fixed = ["--json", "--auto-approve", "--resolve"];
        for (const word of words.slice(1)) {
          const isOption = word.startsWith("-") && !fixed.includes(word);
          if (isOption) expect(word).toMatch(/^--(file|app|for|stop|confirm-within)=./);
          expect(word).not.toMatch(/[\0\n]/);
        }
      }),
      { seed: 24 },
    );
  });

  test.each([
    [null, "there is no such action"],
    [{ action: "destroy" }, "there is no such action"],
    [{ action: "__proto__" }, "there is no such action"],
    [{ action: "status", more: 1 }, 'unknown key "more"'],
    [{ action: "status", params: [] }, "params is an object"],
  ])("%j is refused", (body, message) => {
    expect(() => parseRunRequest(body)).toThrow(message);
  });

  test("a parameter that the action does not have is refused", () => {
    expect(() => wordsOf({ action: "status", params: { config: "/x" } }, "admin")).toThrow('no parameter "config"');
  });

  test("an action that reads a config gets that of the API, unless its request names one", () => {
    const words = (action: string, params = {}) => configWordsOf({ action, params }, ["/a.yaml", "/b"]);
    const reading = Object.keys(ACTIONS).filter((action) => words(action).length > 0);
    expect(reading).toEqual(["diff", "plan", "apply", "pause", "up", "down"]);
    expect(words("plan")).toEqual(["--file=/a.yaml", "--file=/b"]);
    expect(words("plan", { config: "/c.yaml" })).toEqual([]);
  });
});

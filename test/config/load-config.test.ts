import { describe, expect, test } from "vitest";
import { configHash } from "../../src/config/config-hash.ts";
import { type ConfigSource, type LoadOptions, loadConfig } from "../../src/config/load-config.ts";
import { renderProblem } from "../../src/config/problem.ts";
import { THIRD_PEER_KEY } from "../support/config.ts";

const KEY = "TrMvSoP4jYQlY6RIzBgbssQqY3vxI2Pi+y71lOWWXX0=";
const HEAD = "apiVersion: awg/v1\ndefault: { via: direct }\n";

const source = (name: string, text: string, mode?: number): ConfigSource => ({
  name,
  text,
  ...(mode === undefined ? {} : { mode }),
});

const tunnel = (name: string, privateKey = "{ file: /k }") =>
  `tunnels:\n  ${name}: { protocol: wireguard, privateKey: ${privateKey}, peers: [{ publicKey: ${THIRD_PEER_KEY}, endpoint: 192.0.2.1:1, allowedIPs: [0.0.0.0/0] }] }\n`;

/** Problems as `file:line:column id`. */
const places = (sources: readonly ConfigSource[], options?: LoadOptions) =>
  loadConfig(sources, options).problems.map(({ file, line, column, id }) => `${file}:${line}:${column} ${id}`);

describe("several files", () => {
  test("law 8: each reference to a secret is known with its place, an inline secret is not repeated", () => {
    const { secretPlaces } = loadConfig([
      source("a.yaml", `${HEAD}${tunnel("a")}killSwitch: { enabled: false }\n`),
      source("b.yaml", `apiVersion: awg/v1\n${tunnel("b", "{ env: KEY }")}`),
      source("c.yaml", `apiVersion: awg/v1\n${tunnel("c", `{ inline: ${KEY} }`)}`),
    ]);
    expect(secretPlaces).toEqual({ '{"file":"/k"}': "a.yaml:4:41", '{"env":"KEY"}': "b.yaml:3:41" });
  });

  test("the lines of the default, of each tunnel and each rule are known, in all files", () => {
    const { entryLines } = loadConfig([
      source("a.yaml", `${HEAD}${tunnel("a")}rules:\n  - { name: one, ports: [1], via: a }\n`),
      source("b.yaml", `apiVersion: awg/v1\nrules:\n\n  - ports: [2]\n    via: a\n${tunnel("b")}`),
    ]);
    expect(entryLines).toEqual({
      default: "a.yaml:2",
      "tunnels/a": "a.yaml:4",
      "tunnels/b": "b.yaml:7",
      "rules/0 (one)": "a.yaml:6",
      "rules/1": "b.yaml:4",
    });
  });

  test("maps merge by key, lists follow one another in the order of the files", () => {
    const { config, problems } = loadConfig([
      source(
        "a.yaml",
        `${HEAD}${tunnel("a")}rules: [{ name: one, ports: [1], via: a }]\nkillSwitch: { enabled: false }\n`,
      ),
      source(
        "b.yaml",
        `apiVersion: awg/v1\n${tunnel("b")}rules: [{ name: two, ports: [2], via: b }]\nkillSwitch: { allowLan: true }\n`,
      ),
    ]);
    expect(problems).toEqual([]);
    expect(Object.keys(config?.tunnels ?? {})).toEqual(["a", "b"]);
    expect(config?.rules.map(({ name }) => name)).toEqual(["one", "two"]);
    expect(config?.killSwitch).toMatchObject({ enabled: false, allowLan: true });
  });

  test("the same tunnel in two files is a problem that names both places", () => {
    const sources = [source("a.yaml", `${HEAD}${tunnel("a")}`), source("b.yaml", tunnel("a"))];
    const { config, problems } = loadConfig(sources);
    expect(config).toBeUndefined();
    expect(problems.map(({ message }) => message)).toEqual(["tunnels.a is also set in a.yaml:4:3"]);
    expect(places(sources)).toEqual(["b.yaml:2:3 duplicate-across-files"]);
  });

  test("two values of one key are a problem, the same value twice is not", () => {
    expect(places([source("a.yaml", `${HEAD}name: x\n`), source("b.yaml", "name: x\n")])).toEqual([]);
    expect(places([source("a.yaml", `${HEAD}name: x\n`), source("b.yaml", "name: y\n")])).toEqual([
      "b.yaml:1:1 duplicate-across-files",
    ]);
  });

  test("law 7: an error in any of them refuses all", () => {
    const broken = [source("a.yaml", `${HEAD}${tunnel("a")}`), source("b.yaml", "rules: [\n")];
    expect(loadConfig(broken).config).toBeUndefined();
  });

  test("no file at all is no configuration", () => {
    expect(loadConfig([]).config).toBeUndefined();
  });
});

describe("include", () => {
  const files = (texts: Readonly<Record<string, string>>): LoadOptions => ({
    readInclude: (name, from) => {
      const text = texts[name];
      if (text === undefined) throw new Error(`${from} asks for ${name}, which is not there\nsecond line`);
      return source(name, text);
    },
  });

  test("included files follow the one that includes them", () => {
    const options = files({
      "rules.yaml": `rules: [{ ports: [2], via: a }]\ninclude: [more.yaml]\n`,
      "more.yaml": tunnel("a"),
    });
    const text = `${HEAD}include: [rules.yaml]\nrules: [{ ports: [1], via: a }]\n`;
    const { config, problems, sources } = loadConfig([source("a.yaml", text)], options);
    expect(problems).toEqual([]);
    expect(config?.rules.map(({ ports }) => ports?.[0]?.from)).toEqual([1, 2]);
    expect(sources.map(({ name }) => name)).toEqual(["a.yaml", "rules.yaml", "more.yaml"]);
    expect(config).not.toHaveProperty("include");
  });

  test("problems in an included file carry its name and line", () => {
    const options = files({ "b.yaml": "\n\nnam: x\n" });
    expect(places([source("a.yaml", `${HEAD}include: [b.yaml]\n`)], options)).toEqual(["b.yaml:3:1 unknown-key"]);
  });

  test("a file that cannot be read is a problem where it is named, on one line", () => {
    const { problems } = loadConfig([source("a.yaml", `${HEAD}include:\n  - gone.yaml\n`)], files({}));
    expect(problems).toMatchObject([{ id: "include-unreadable", line: 4, column: 5 }]);
    expect(problems[0]?.message).toBe("the file cannot be included (a.yaml asks for gone.yaml, which is not there)");
  });

  test("a system's error is put in words, not as a call", () => {
    const readInclude = () => {
      throw Object.assign(new Error("ENOENT: no such file or directory, stat '/a'"), { code: "ENOENT" });
    };
    const { problems } = loadConfig([source("a.yaml", `${HEAD}include: [/a]\n`)], { readInclude });
    expect(problems[0]?.message).toBe("the file cannot be included (no such file)");
  });

  test("a key with a wrong path has no place of a secret: its placeholder is no file", () => {
    const text = `${HEAD}tunnels: { a: { protocol: wireguard, privateKey: { file: a.key } } }\n`;
    const { problems, secretPlaces } = loadConfig([source("a.yaml", text)], {});
    expect(problems.map(({ id }) => id)).toContain("path-relative");
    expect(secretPlaces).toEqual({});
  });

  test("without a reader nothing is included", () => {
    expect(places([source("a.yaml", `${HEAD}include: [b.yaml]\n`)])).toEqual(["a.yaml:3:11 include-unreadable"]);
  });

  test("a cycle is a problem, a diamond is not", () => {
    const cycle = files({ "b.yaml": "include: [a.yaml]\n", "a.yaml": "" });
    expect(places([source("a.yaml", `${HEAD}include: [b.yaml]\n`)], cycle)).toEqual(["b.yaml:1:11 include-cycle"]);
    const diamond = files({ "b.yaml": "include: [d.yaml]\n", "c.yaml": "include: [d.yaml]\n", "d.yaml": "name: d\n" });
    expect(places([source("a.yaml", `${HEAD}include: [b.yaml, c.yaml]\n`)], diamond)).toEqual([]);
  });

  test("an endless chain ends at the limit", () => {
    const options: LoadOptions = { readInclude: (name) => source(name, `include: [${name}x]\n`) };
    expect(places([source("a.yaml", `${HEAD}include: [b]\n`)], options)).toMatchObject([
      expect.stringMatching(/ include-too-many$/),
    ]);
  });

  test("a folder gives several files", () => {
    const options: LoadOptions = {
      readInclude: () => [source("d/1.yaml", tunnel("a")), source("d/2.yaml", tunnel("b"))],
    };
    const { config } = loadConfig([source("a.yaml", `${HEAD}include: [d]\n`)], options);
    expect(Object.keys(config?.tunnels ?? {})).toEqual(["a", "b"]);
  });
});

describe("secrets", () => {
  const inline = (mode?: number) => [source("a.yaml", `${HEAD}${tunnel("a", KEY)}`, mode)];

  test.each([0o644, 0o640, 0o660, 0o604, 0o620])("law 8: mode %o of a file with a secret is refused", (mode) => {
    expect(places(inline(mode))).toEqual(["a.yaml:4:41 file-permissions", "a.yaml:4:41 secret-inline"]);
    expect(loadConfig(inline(mode)).config).toBeUndefined();
    expect(loadConfig(inline(mode), { allowInsecurePermissions: true }).config).toBeDefined();
  });

  test.each([0o600, 0o400, 0o700, undefined])("mode %o of a file with a secret is accepted with a warning", (mode) => {
    expect(places(inline(mode))).toEqual(["a.yaml:4:41 secret-inline"]);
    expect(loadConfig(inline(mode)).config).toBeDefined();
  });

  test.each([0o646, 0o602, 0o777])("D5: a file that everybody can write is refused, mode %o", (mode) => {
    const open = [source("a.yaml", `${HEAD}${tunnel("a")}`, mode)];
    expect(places(open)).toEqual(["a.yaml:1:1 config-writable"]);
    expect(loadConfig(open).config).toBeUndefined();
    expect(loadConfig(open, { allowInsecurePermissions: true }).config).toBeDefined();
  });

  test("a file without secrets may be read by all", () => {
    expect(places([source("a.yaml", `${HEAD}${tunnel("a")}`, 0o644)])).toEqual([]);
  });

  test("the mode that counts is that of the file with the secret", () => {
    const sources = [source("a.yaml", HEAD, 0o644), source("b.yaml", tunnel("a", KEY), 0o600)];
    expect(places(sources)).toEqual(["b.yaml:2:41 secret-inline"]);
  });
});

describe("places", () => {
  test.each([
    ["LF", "apiVersion: awg/v1\n\nname: x\ndefault:\n  via: direct\n  falback: block\n", "6:3"],
    ["CRLF", "apiVersion: awg/v1\r\n\r\nname: x\r\ndefault:\r\n  via: direct\r\n  falback: block\r\n", "6:3"],
    ["a byte order mark", "\uFEFFapiVersion: awg/v1\ndefault: { via: direct }\nnam: x\n", "3:1"],
    ["a byte order mark on the same line", "\uFEFFnam: x\napiVersion: awg/v1\ndefault: { via: direct }\n", "1:1"],
    ["wide characters before it", "apiVersion: awg/v1\ndefault: { via: direct }\n# 👋 ü\nname: &ü [👋]\n", "4:10"],
    ["JSON", '{\n  "apiVersion": "awg/v1",\n  "default": { "via": "direct" },\n  "nam": 1\n}\n', "4:3"],
    ["JSON on one line", '{"apiVersion":"awg/v1","default":{"via":"direct"},"nam":1}', "1:51"],
    ["a block text", "apiVersion: awg/v1\ndefault: { via: direct }\nname: |\n  one\n  two\n", "3:7"],
    ["a quoted key", 'apiVersion: awg/v1\ndefault: { via: direct }\n"nam": x\n', "3:1"],
    ["an alias", "apiVersion: awg/v1\ndefault: { via: direct }\nname: &a x\nipv6: *a\n", "4:7"],
  ])("behind %s", (_what, text, place) => {
    const problems = loadConfig([source("a.yaml", text)]).problems;
    expect(problems.map(({ line, column }) => `${line}:${column}`)).toEqual([place]);
  });

  test("the carets stand below what is meant, tabs kept", () => {
    const text = 'apiVersion: awg/v1\ndefault: { via: direct }\n"nam":\t\t[x]\nipv6:\tyes\n';
    const rendered = loadConfig([source("a.yaml", text)]).problems.map((problem) =>
      renderProblem(problem, { color: false, excerpt: true }),
    );
    expect(rendered[1]).toBe(
      'a.yaml:4:7: unknown value "yes"; use auto or block [not-one-of]\n  4 | ipv6:\tyes\n           \t^^^',
    );
  });

  test("a line wider than the terminal is cut around the carets", () => {
    const ports = Array.from({ length: 30 }, (_, index) => 8000 + index).join(", ");
    const text = `apiVersion: awg/v1\ndefault: { via: direct }\nrules:\n  - { ports: [${ports}], via: dirct, name: x }\n`;
    const [problem] = loadConfig([source("a.yaml", text)]).problems;
    if (problem === undefined) throw new Error("no problem");
    const [, line = "", carets = ""] = renderProblem(problem, { color: false, excerpt: true, columns: 60 }).split("\n");
    expect([line.length <= 60, carets.length <= 60]).toEqual([true, true]);
    expect(line.slice(carets.indexOf("^"), carets.length)).toBe("dirct");
    expect(line).toMatch(/^ {2}4 \| ….* via: dirct, name: x \}$/);
  });

  test("colour only when asked for, and never in place of a word", () => {
    const [problem] = loadConfig([source("a.yaml", "nam: x\n")]).problems;
    if (problem === undefined) throw new Error("no problem");
    const plain = renderProblem(problem, { color: false, excerpt: true });
    const colored = renderProblem(problem, { color: true, excerpt: true });
    const esc = String.fromCharCode(27);
    expect(plain).not.toContain(esc);
    expect(colored).toContain(esc);
    expect(colored.replaceAll(new RegExp(`${esc}\\[[0-9]*m`, "g"), "")).toBe(plain);
    expect(renderProblem(problem, { color: false, excerpt: false })).not.toContain("\n");
  });
});

describe("the hash", () => {
  test("is that of the texts in their order", () => {
    const [a, b] = [source("a.yaml", HEAD), source("b.yaml", "name: x\n")];
    expect(loadConfig([a, b]).hash).toBe(configHash([a, b]));
    expect(configHash([a, b])).not.toBe(configHash([b, a]));
    expect(configHash([a])).not.toBe(configHash([source("a.yaml", `${HEAD} `)]));
    expect(configHash([source("x", "ab"), source("y", "c")])).not.toBe(
      configHash([source("x", "a"), source("y", "bc")]),
    );
    expect(configHash([a])).toBe(configHash([source("elsewhere.yaml", HEAD, 0o600)]));
    expect(configHash([a])).toMatch(/^[0-9a-f]{64}$/);
  });

  test("counts included texts, and says each one's own", () => {
    const read = (text: string) =>
      loadConfig([source("a.yaml", `${HEAD}include: [b]\n`)], { readInclude: () => source("b", text) });
    expect(read("name: x\n").hash).not.toBe(read("name: y\n").hash);
    expect(read("name: x\n").sources[1]).toEqual({ name: "b", hash: configHash([source("b", "name: x\n")]) });
  });
});

describe("versions", () => {
  test.each([
    [">=0.1", "0.1.0", []],
    [">= 0.1.0", "0.1.0", []],
    [">=0.2", "0.1.9", ["requires-version"]],
    [">=1.0", "0.9.9", ["requires-version"]],
    [">=0.1", "1.0.0-rc.1", []],
    [">=0.10", "0.9.0", ["requires-version"]],
  ])("%s on %s", (requires, programVersion, expected) => {
    const text = `${HEAD}requires: "${requires}"\n`;
    expect(loadConfig([source("a.yaml", text)], { programVersion }).problems.map(({ id }) => id)).toEqual(expected);
  });
});

test("more problems than anyone reads are counted", () => {
  const keys = Array.from({ length: 500 }, (_, index) => `k${index}: 1\n`).join("");
  const { problems } = loadConfig([source("a.yaml", `${HEAD}${keys}`)]);
  expect(problems).toHaveLength(201);
  expect(problems.at(-1)).toMatchObject({ id: "too-many-problems", message: "300 more problems are not shown" });
});

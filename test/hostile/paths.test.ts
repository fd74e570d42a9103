import { type ChildProcess, spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { readRegularFile } from "../../src/app/load/read-config-file.ts";
import { loadConfig } from "../../src/config/load-config.ts";
import { readSecretText } from "../../src/state/secret-source.ts";
import { filesBelow, read } from "../repository/sources.ts";
import { sampleConfig } from "../support/config.ts";
import { temporaryFolder } from "../support/folder.ts";

let folder = "";
const at = (name: string): string => join(folder, name);
beforeEach(() => {
  folder = temporaryFolder("paths");
});

/** Makes something and gives its path. */
function made(name: string, make: (path: string) => void): string {
  make(at(name));
  return at(name);
}

describe("D5: what a path leads to", () => {
  test("a file, and a link to one, are read whole with their mode", () => {
    writeFileSync(at("config.yaml"), "ü: 1\n", { mode: 0o640 });
    symlinkSync(at("config.yaml"), at("link.yaml"));
    for (const name of ["config.yaml", "link.yaml"])
      expect(readRegularFile(at(name))).toMatchObject({ name: at(name), text: "ü: 1\n", mode: 0o640 });
  });

  test.each<[string, readonly number[], string]>([
    ["a byte that begins no character", [0xff], "FF"],
    ["half a character", [0xc3], "C3"],
    ["half of a surrogate pair", [0xed, 0xa0, 0x80], "ED"],
    ["more bytes than a character needs", [0xc0, 0xaf], "C0"],
  ])("D3: bytes that are no UTF-8 are refused with their place: %s", (_what, bytes, named) => {
    const [before, after] = [sampleConfig("default: { via: direct }\n# €𝄞 "), "\n"];
    writeFileSync(at("config.yaml"), Buffer.concat([Buffer.from(before), Uint8Array.from(bytes), Buffer.from(after)]));
    const { config, problems } = loadConfig([readRegularFile(at("config.yaml"))]);
    expect([config, problems]).toMatchObject([
      undefined,
      [{ id: "file-not-text", line: 3, column: 7, message: `the byte 0x${named} is not UTF-8` }],
    ]);
  });

  test("1 MiB is read, a byte more is not", () => {
    writeFileSync(at("full"), Buffer.alloc(1024 * 1024, 0x61));
    expect(readRegularFile(at("full")).text.length).toBe(1024 * 1024);
    writeFileSync(at("over"), Buffer.alloc(1024 * 1024 + 1, 0x61));
    expect(() => readRegularFile(at("over"))).toThrow(expect.objectContaining({ kind: "config" }));
  });

  test.each<[string, () => string]>([
    ["nothing", () => at("none")],
    ["a folder", () => made("folder", (path) => mkdirSync(path))],
    ["a device without end", () => "/dev/zero"],
    ["a pipe nobody writes to", () => made("pipe", (path) => spawnSync("/usr/bin/mkfifo", ["-m", "600", path]))],
    ["a link to itself", () => made("loop", (path) => symlinkSync(path, path))],
    [
      "a path through a file",
      () =>
        join(
          made("file", (path) => writeFileSync(path, "")),
          "x",
        ),
    ],
    ["a NUL", () => at("a\0b")],
  ])("%s is refused without waiting", (_what, path) => {
    const named = path();
    expect(() => readRegularFile(named)).toThrow();
    expect(() => readSecretText({ file: named }, { environment: {}, allowInsecurePermissions: true })).toThrow();
  });

  test.skipIf(!existsSync("/proc/self/pagemap"))(
    "a file that says it is empty and never ends is read no further than 1 MiB",
    () => {
      expect(() => readRegularFile("/proc/self/pagemap")).toThrow(expect.objectContaining({ kind: "config" }));
      const secret = { environment: {}, allowInsecurePermissions: true };
      expect(() => readSecretText({ file: "/proc/self/pagemap" }, secret)).toThrow(
        expect.objectContaining({ kind: "config" }),
      );
      expect(() => readRegularFile("/proc/self/mem")).toThrow(expect.objectContaining({ kind: "config" }));
    },
  );
});

describe("D5: exchanged between the look and the reading", () => {
  const SWAPS = 1_000;
  let swapper: ChildProcess | undefined;
  afterEach(() => swapper?.kill("SIGKILL"));

  /** Lets another process exchange a path for each of two files in turn, until it is ended. */
  async function swap(path: string, one: string, other: string): Promise<() => number> {
    const script = `const fs = require("fs"); let n = 0;
      for (;;) { const from = n % 2 ? ${JSON.stringify(one)} : ${JSON.stringify(other)};
        fs.linkSync(from, ${JSON.stringify(`${path}.new`)}); fs.renameSync(${JSON.stringify(`${path}.new`)}, ${JSON.stringify(path)});
        if (fs.existsSync(${JSON.stringify(`${path}.new`)})) fs.unlinkSync(${JSON.stringify(`${path}.new`)});
        n += 1; if (n % 100 === 0) fs.writeFileSync(${JSON.stringify(`${path}.count`)}, String(n)); }`;
    swapper = spawn(process.execPath, ["-e", script], { stdio: "ignore" });
    const count = (): number => (existsSync(`${path}.count`) ? Number(readFileSync(`${path}.count`, "utf8")) : 0);
    for (const deadline = performance.now() + 30_000; count() === 0; await sleep(20)) {
      if (performance.now() > deadline) throw new Error("nothing was exchanged");
    }
    return count;
  }

  test("a secret is never read from a file that others can read", async () => {
    writeFileSync(at("private"), "right\n", { mode: 0o600 });
    writeFileSync(at("open"), "WRONG\n", { mode: 0o644 });
    writeFileSync(at("key"), "right\n", { mode: 0o600 });
    const count = await swap(at("key"), at("private"), at("open"));
    const seen = { right: 0, refused: 0 };
    const begun = count();
    for (
      const deadline = performance.now() + 30_000;
      count() - begun < SWAPS || seen.right === 0 || seen.refused === 0;
    ) {
      try {
        expect(readSecretText({ file: at("key") }, { environment: {}, allowInsecurePermissions: false })).toBe("right");
        seen.right += 1;
      } catch (error) {
        if (!String(error).includes("mode")) throw error;
        seen.refused += 1;
      }
      if (performance.now() > deadline) throw new Error(`too slow: ${JSON.stringify(seen)}`);
    }
    expect(seen.right).toBeGreaterThan(0);
    expect(seen.refused).toBeGreaterThan(0);
  });

  test("a config comes with the mode of the file that was read", async () => {
    writeFileSync(at("private"), "right\n", { mode: 0o600 });
    writeFileSync(at("open"), "WRONG\n", { mode: 0o644 });
    writeFileSync(at("config"), "right\n", { mode: 0o600 });
    const count = await swap(at("config"), at("private"), at("open"));
    const begun = count();
    const seen = new Set<string>();
    for (const deadline = performance.now() + 30_000; count() - begun < SWAPS || seen.size < 2; ) {
      const { text, mode } = readRegularFile(at("config"));
      seen.add(`${text.trim()} ${mode?.toString(8)}`);
      if (performance.now() > deadline) throw new Error(`too slow: ${[...seen].join(", ")}`);
    }
    expect([...seen].sort()).toEqual(["WRONG 644", "right 600"]);
  });
});

test("D1: no source runs a shell: processes are started by their argument lists", () => {
  const sources = filesBelow("src").filter((file) => file.endsWith(".ts"));
  expect(sources.length).toBeGreaterThan(100);
  const shells = sources.filter(
    (file) =>
      /from "node:child_process"/.test(read(file)) &&
      /\bshell: (?!Shell)|\bexec(Sync)?\b[^(]*} from "node:child_process"|"-c"|\/bin\/sh/.test(read(file)),
  );
  expect(shells).toEqual([]);
  const importers = sources.filter((file) => /child_process/.test(read(file)));
  for (const file of importers)
    expect([file, /\{[^}]*\bexec(Sync)?\b[^}]*\} from "node:child_process"/.test(read(file))]).toEqual([file, false]);
});

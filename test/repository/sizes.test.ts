import { dirname } from "node:path";
import { describe, expect, test } from "vitest";
import { filesBelow, read } from "./sources.ts";

const MAX_FILE_LINES = 300;
const MAX_FILES_IN_FOLDER = 15;

describe("sizes", () => {
  const files = [...filesBelow("src"), ...filesBelow("scripts")].filter(
    (file) => file.endsWith(".ts") && !file.includes(".generated."),
  );

  test("no source file is longer than one reads at a sitting", () => {
    const long = files
      .map((file) => ({ file, lines: read(file).split("\n").length - 1 }))
      .filter(({ lines }) => lines > MAX_FILE_LINES);
    expect(long).toEqual([]);
  });

  test("no folder holds more files than one sees at a glance", () => {
    const counts = new Map<string, number>();
    for (const file of files) counts.set(dirname(file), (counts.get(dirname(file)) ?? 0) + 1);
    expect([...counts].filter(([, count]) => count > MAX_FILES_IN_FOLDER)).toEqual([]);
  });

  test.each(["utils.ts", "helpers.ts", "types.ts", "index.ts"])("no source file is called %s", (name) => {
    expect(files.filter((file) => file.endsWith(`/${name}`))).toEqual([]);
  });
});

import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { factsWantedBy } from "../../../../src/app/plan/facts-wanted.ts";
import { readScripts } from "../../../../src/host/linux/facts/scripts.ts";
import { configOf } from "../../../resources/sample.ts";
import { temporaryFolder } from "../../../support/folder.ts";

test("a file that begins with #! is a script; a program, a folder and a missing file are none", () => {
  const folder = temporaryFolder("scripts");
  const [script, program, short] = ["script", "program", "short"].map((name) => join(folder, name));
  writeFileSync(script as string, "#!/bin/sh\n");
  writeFileSync(short as string, "#");
  copyFileSync(process.execPath, program as string);
  mkdirSync(join(folder, "folder"));
  const files = [script, program, short, join(folder, "folder"), join(folder, "missing")] as string[];
  expect(readScripts(files)).toEqual({ scripts: [script] });
  expect(readScripts([program as string])).toEqual({});
});

test("a config asks about the files that its rules name as programs, and about no pattern", () => {
  const config = configOf(`
rules:
  - { apps: [{ path: /opt/b }, { path: "/opt/*" }, { dir: /opt }, name], via: block }
  - { not: { parent: [{ path: /opt/a }] }, via: block }
default: { via: direct }
`);
  expect(factsWantedBy(config).programs).toEqual(["/opt/a", "/opt/b"]);
});

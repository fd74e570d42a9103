import { mkdirSync, readdirSync, renameSync, rmSync, symlinkSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openEngineLog } from "../../../src/keeper/engines/engine-logs.ts";
import { KeeperFolder } from "../../../src/keeper/serving/keeper-folder.ts";
import { keeperPaths } from "../../../src/model/keeper-protocol.ts";
import { temporaryFolder } from "../../support/folder.ts";

test.each([
  ["run folder", (run: string) => run],
  ["keeper's own folder in it", (run: string) => keeperPaths(run, 7).folder],
])("a keeper whose %s was replaced by a link writes nothing behind it", (_, place) => {
  const base = temporaryFolder("replaced");
  const [run, target] = [join(base, "run"), join(base, "target")];
  const paths = keeperPaths(run, 7);
  const folder = new KeeperFolder(paths);
  expect(folder.take()).toBe(true);
  mkdirSync(target);
  renameSync(place(run), join(base, "away"));
  symlinkSync(target, place(run));
  expect(() => folder.take()).toThrow(
    expect.objectContaining({
      kind: "permission",
      message: `${place(run)} is a link; the keeper writes nothing behind it`,
    }),
  );
  expect(() => openEngineLog(join(paths.folder, "engine-awg-office.log"))).toThrow("is a link");
  expect(readdirSync(target)).toEqual([]);
  rmSync(place(run));
  renameSync(join(base, "away"), place(run));
  expect(folder.take()).toBe(true);
});

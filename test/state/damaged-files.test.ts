import { execFileSync } from "node:child_process";
import {
  chownSync,
  lchownSync,
  mkdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  unlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { encodeLine } from "../../src/state/line.codec.ts";
import { sized } from "../support/size.ts";
import { damageEverywhere, fullFolder, outcomeOf } from "./damaged-files.ts";

const limit = { timeout: sized(300_000, 14_400_000) };
const STRANGER = 65534;
/** Files that may be lost: one that is damaged counts as none. */
const DISPENSABLE = new Set(["known-config.json", "proposed"]);
const isRoot = process.geteuid?.() === 0;

describe("B5: an error names a damaged file of the state folder; it is never read as another state", () => {
  const bitsOf = (at: number) => sized([(at * 5 + 3) % 8], [0, 1, 2, 3, 4, 5, 6, 7]);

  test(`cut at every byte, and ${bitsOf(0).length} bits of every byte changed`, limit, async () => {
    const { folder, files } = await fullFolder();
    for (const file of files) {
      // The journal's cuts are all played in file-journal.test.ts, all its bits at full size.
      const step = file.name === "journal" ? sized(11, 1) : 1;
      const seen = await damageEverywhere(folder, file, bitsOf, step);
      console.log(`${file.name}: ${JSON.stringify(seen)}`);
      const count = Math.ceil(readFileSync(join(folder, file.name)).length / step) * bitsOf(0).length;
      expect(seen["flip: good"]).toBeUndefined();
      expect(seen).toMatchObject({ [DISPENSABLE.has(file.name) ? "flip: less" : "flip: journal"]: count });
    }
  });

  test.each<[string, (path: string) => void, boolean]>([
    [
      "a symbolic link to what it was",
      (path) => [renameSync(path, `${path}.real`), symlinkSync(`${path}.real`, path)],
      true,
    ],
    ["a folder", (path) => [unlinkSync(path), mkdirSync(path)], true],
    ["a pipe", (path) => [unlinkSync(path), execFileSync("/usr/bin/mkfifo", ["-m", "600", path])], true],
    ["a stranger's file", (path) => chownSync(path, STRANGER, STRANGER), isRoot],
    [
      "a stranger's link",
      (path) => [unlinkSync(path), symlinkSync("/etc/hostname", path), lchownSync(path, STRANGER, -1)],
      isRoot,
    ],
  ])("%s in its place is refused", async (_what, exchange, isPossible) => {
    if (!isPossible) return;
    const { folder, files } = await fullFolder();
    for (const file of files) {
      const good = await file.load(folder);
      const path = join(folder, file.name);
      const bytes = readFileSync(path);
      exchange(path);
      const outcome = await outcomeOf(folder, file, good);
      expect([file.name, outcome]).toEqual([file.name, DISPENSABLE.has(file.name) ? "less" : "journal"]);
      rmSync(path, { recursive: true });
      writeFileSync(path, bytes, { mode: 0o600 });
    }
  });

  test.runIf(isRoot)("a folder owned by another user, or a link, is not read and not written", async () => {
    const { folder, files } = await fullFolder();
    const [, ledger] = files;
    chownSync(folder, STRANGER, STRANGER);
    await expect(ledger?.load(folder)).rejects.toMatchObject({ kind: "journal" });
    chownSync(folder, 0, 0);
    renameSync(folder, `${folder}.real`);
    symlinkSync(`${folder}.real`, folder);
    await expect(ledger?.load(folder)).rejects.toMatchObject({ kind: "journal" });
  });

  test("a newer format is distinguished from damage in each file with a version", async () => {
    const { folder, files } = await fullFolder();
    for (const file of files.slice(0, 3)) {
      const path = join(folder, file.name);
      const [first = "", ...rest] = readFileSync(path, "utf8").split("\n");
      const envelope = JSON.parse(first.slice(18)) as { format: number };
      writeFileSync(
        path,
        Buffer.concat([encodeLine({ ...envelope, format: envelope.format + 1 }), Buffer.from(rest.join("\n"))]),
      );
      await expect(file.load(folder)).rejects.toMatchObject({ kind: "journal", facts: { path, state: "newer" } });
      rmSync(path);
    }
  });
});

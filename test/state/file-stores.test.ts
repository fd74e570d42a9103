import { spawnSync } from "node:child_process";
import { chmodSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import type { Stores } from "../../src/reconciler/journal/stores.ts";
import { EMPTY_LEDGER } from "../../src/reconciler/plan/ledger.ts";
import { fileStores } from "../../src/state/file-stores.ts";
import { readStateIdentity } from "../../src/state/identity.ts";
import { encodeLine } from "../../src/state/line.codec.ts";
import { ROOT } from "../repository/sources.ts";
import { temporaryFolder } from "../support/folder.ts";
import { GENERATION, LEDGER } from "./records.ts";

function storesIn(path: string): Stores {
  return fileStores(path, { bootId: "b", namespace: "n" });
}

describe("ledger and generations in files", () => {
  test("law 2: an absent state folder reads as empty and stays absent", async () => {
    const path = join(temporaryFolder(), "state");
    const { ledger, generations } = storesIn(path);
    expect(await ledger.read()).toEqual(EMPTY_LEDGER);
    expect(await generations.latest()).toBeUndefined();
    expect(await generations.numbers()).toEqual([]);
    expect(existsSync(path)).toBe(false);
  });

  test.skipIf(process.getuid?.() !== 0)(
    "a user who may not read it is refused in plain words, without an errno",
    () => {
      const path = temporaryFolder();
      writeFileSync(join(path, "ledger"), "x", { mode: 0o600 });
      const script = `
      import { StateFolder } from ${JSON.stringify(join(ROOT, "src/state/state-folder.ts"))};
      process.seteuid(65534);
      for (const act of [(folder) => folder.list(), (folder) => folder.read("ledger")]) {
        try { act(new StateFolder(${JSON.stringify(path)})); } catch (error) { console.log(error.kind, error.message, error.remedy); }
      }`;
      const argv = ["--disable-warning=ExperimentalWarning", "--input-type=module", "-e", script];
      const { stdout } = spawnSync(process.execPath, argv, { encoding: "utf8" });
      const words = "belongs to another user, and this one may not read it run the command with sudo";
      expect(stdout).toBe(`permission ${path} ${words}\npermission ${join(path, "ledger")} ${words}\n`);
    },
  );

  test("what is written is read back, by another process as well", async () => {
    const path = temporaryFolder();
    const { ledger, generations } = storesIn(path);
    await ledger.write(LEDGER);
    await generations.write(GENERATION);
    const again = storesIn(path);
    expect(await again.ledger.read()).toEqual(LEDGER);
    expect(await again.generations.latest()).toEqual(GENERATION);
    expect(readdirSync(path).sort()).toEqual(["generation-3", "ledger"]);
  });

  test("the fifty newest generations are kept, in the order of their numbers", async () => {
    const { generations } = storesIn(temporaryFolder());
    const later = Array.from({ length: 50 }, (_, index) => 9 + index);
    for (const number of [1, 2, ...later]) await generations.write({ ...GENERATION, number });
    expect(await generations.numbers()).toEqual(later);
    expect((await generations.latest())?.number).toBe(58);
    expect(await generations.read(2)).toBeUndefined();
  });

  test("law 2: a ledger shows, without a write, whether the host was booted since", async () => {
    const path = temporaryFolder();
    const { ledger } = storesIn(path);
    expect(await ledger.isOfEarlierBoot?.()).toBe(false);
    await ledger.write(LEDGER);
    expect(await ledger.isOfEarlierBoot?.()).toBe(false);
    const later = fileStores(path, { bootId: "another", namespace: "n" });
    expect(await later.ledger.isOfEarlierBoot?.()).toBe(true);
    expect(await later.ledger.read()).toEqual(LEDGER);
  });

  test("a draft left by a killed writer does no harm", async () => {
    const path = temporaryFolder();
    writeFileSync(join(path, ".ledger.new"), "half");
    await storesIn(path).ledger.write(LEDGER);
    expect(await storesIn(path).ledger.read()).toEqual(LEDGER);
  });

  test("B5: cut at any byte, or changed, a ledger is an error, never an empty one", async () => {
    const path = temporaryFolder();
    await storesIn(path).ledger.write(LEDGER);
    const file = join(path, "ledger");
    const bytes = readFileSync(file);
    for (let cut = 0; cut < bytes.length; cut++) {
      writeFileSync(file, bytes.subarray(0, cut));
      await expect(storesIn(path).ledger.read()).rejects.toMatchObject({ kind: "journal" });
    }
    writeFileSync(file, Buffer.concat([bytes, encodeLine(1)]));
    await expect(storesIn(path).ledger.read()).rejects.toMatchObject({ kind: "journal" });
  });

  test("a state folder or file that others can open is refused, with the remedy", async () => {
    const path = temporaryFolder();
    await storesIn(path).ledger.write(LEDGER);
    chmodSync(join(path, "ledger"), 0o640);
    await expect(storesIn(path).ledger.read()).rejects.toMatchObject({
      kind: "journal",
      remedy: expect.stringMatching(/chmod/),
    });
    chmodSync(path, 0o755);
    await expect(storesIn(path).generations.latest()).rejects.toMatchObject({ kind: "journal" });
    await expect(storesIn(path).ledger.write(LEDGER)).rejects.toMatchObject({ kind: "journal" });
  });

  test("a namespace's state folder does not spoil the host's folder around it", async () => {
    const path = join(temporaryFolder(), "awg");
    await storesIn(join(path, "netns-7")).ledger.write(LEDGER);
    await storesIn(path).ledger.write(LEDGER);
    expect(await storesIn(path).ledger.read()).toEqual(LEDGER);
  });

  test("the identity of this process is stable", () => {
    expect(readStateIdentity()).toEqual(readStateIdentity());
    expect(readStateIdentity().bootId).not.toBe("");
  });
});

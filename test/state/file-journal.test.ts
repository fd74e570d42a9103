import { appendFileSync, existsSync, lstatSync, readFileSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { envelopeFor, FORMAT_VERSION, type StateIdentity } from "../../src/state/envelope.ts";
import { FileJournal } from "../../src/state/file-journal.ts";
import { encodeLine } from "../../src/state/line.codec.ts";
import { StateFolder } from "../../src/state/state-folder.ts";
import { temporaryFolder } from "../support/folder.ts";
import { RECORDS } from "./records.ts";

const HERE: StateIdentity = { bootId: "boot-1", namespace: "net:[1]" };

function journalIn(path: string, identity: StateIdentity = HERE): FileJournal {
  return new FileJournal(new StateFolder(path), identity);
}

/** A journal with all records, written and closed. */
async function writtenJournal(path: string): Promise<FileJournal> {
  using journal = journalIn(path);
  for (const record of RECORDS) await journal.append(record);
  return journal;
}

describe("the journal's file", () => {
  test("law 2: reading an absent file creates nothing", async () => {
    const path = join(temporaryFolder(), "state");
    expect(await journalIn(path).read()).toEqual([]);
    expect(existsSync(path)).toBe(false);
  });

  test("every record type is read back as it was written, in a private file", async () => {
    const path = join(temporaryFolder(), "state");
    const { location } = await writtenJournal(path);
    expect(await journalIn(path).read()).toEqual(RECORDS.map((record) => ({ record, sameBoot: true })));
    expect(lstatSync(location).mode & 0o777).toBe(0o600);
    expect(lstatSync(path).mode & 0o777).toBe(0o700);
  });

  test("B5, law 5: cut at every byte it gives the whole records before the cut, and a later append goes on from there", async () => {
    const path = temporaryFolder();
    const { location } = await writtenJournal(path);
    const bytes = readFileSync(location);
    const next = { type: "rollback", cause: "after the cut" } as const;
    for (let cut = 0; cut < bytes.length; cut++) {
      writeFileSync(location, bytes.subarray(0, cut));
      const whole = Math.max(0, bytes.subarray(0, cut).toString("latin1").split("\n").length - 2);
      const before = await journalIn(path).read();
      expect(before).toEqual(RECORDS.slice(0, whole).map((record) => ({ record, sameBoot: true })));
      // Appending at each byte would sync thousands of times for nothing new.
      if (cut % 97 !== 0) continue;
      using writer = journalIn(path);
      await writer.append(next);
      expect(await journalIn(path).read()).toEqual([...before, { record: next, sameBoot: true }]);
    }
  });

  test("a corrupt journal is an error that names the file and says what to do", async () => {
    const path = temporaryFolder();
    const { location } = await writtenJournal(path);
    const bytes = readFileSync(location);
    const middle = bytes.indexOf("\n") + 30;
    bytes[middle] = (bytes[middle] as number) ^ 1;
    writeFileSync(location, bytes);
    await expect(journalIn(path).read()).rejects.toMatchObject({
      kind: "journal",
      message: expect.stringContaining(location),
    });
    await expect(journalIn(path).append(RECORDS[0] as (typeof RECORDS)[0])).rejects.toMatchObject({ kind: "journal" });
    expect(readFileSync(location)).toEqual(bytes);
  });

  test.each([
    ["a newer format", { ...envelopeFor(HERE), format: FORMAT_VERSION + 1 }, /newer/],
    ["format 0", { ...envelopeFor(HERE), format: 0 }, /unknown format/],
    ["no envelope", { type: "begin" }, /does not begin/],
    ["an envelope of another type", [1], /does not begin/],
    ["another namespace in this boot", { ...envelopeFor(HERE), namespace: "net:[2]" }, /another network namespace/],
  ])("%s is refused", async (_name, envelope, message) => {
    const path = temporaryFolder();
    writeFileSync(join(path, "journal"), encodeLine(envelope), { mode: 0o600 });
    await expect(journalIn(path).read()).rejects.toMatchObject({
      kind: "journal",
      message: expect.stringMatching(message),
    });
  });

  test.each([
    ["an unknown type", { type: "party" }],
    ["a batch without steps", { type: "batch", index: 0, batch: { kind: "link", phase: "prepare" } }],
    [
      "a step with a device name of sixteen bytes",
      JSON.parse(JSON.stringify(RECORDS[1]).replace('"device":"awg-office"', '"device":"awg-office-toolong"')),
    ],
    [
      "a step whose key is of another kind",
      JSON.parse(JSON.stringify(RECORDS[1]).replace('"link/office"', '"routes/office"')),
    ],
    ["a negative index", { type: "done", index: -1 }],
    ["a prototype", JSON.parse('{"__proto__":{"type":"done"},"index":1}')],
    ["null", null],
  ])("a record with a right checksum and %s is refused", async (_name, record) => {
    const path = temporaryFolder();
    writeFileSync(join(path, "journal"), Buffer.concat([encodeLine(envelopeFor(HERE)), encodeLine(record)]), {
      mode: 0o600,
    });
    await expect(journalIn(path).read()).rejects.toMatchObject({ kind: "journal" });
  });

  test("after a reboot old records say so, new ones go on in the same file", async () => {
    const path = temporaryFolder();
    await writtenJournal(path);
    const later = { bootId: "boot-2", namespace: "net:[9]" };
    using journal = journalIn(path, later);
    expect((await journal.read()).every(({ sameBoot }) => !sameBoot)).toBe(true);
    await journal.append({ type: "undone", index: 0 });
    const records = await journalIn(path, later).read();
    expect(records.map(({ sameBoot }) => sameBoot)).toEqual([...RECORDS.map(() => false), true]);
  });

  test("clearing leaves no file, twice as well, and the next record begins a new one", async () => {
    const path = temporaryFolder();
    const journal = await writtenJournal(path);
    await journal.clear();
    await journal.clear();
    expect(existsSync(journal.location)).toBe(false);
    await journal.append({ type: "done", index: 7 }).finally(() => journal[Symbol.dispose]());
    expect((await journalIn(path).read()).map(({ record }) => record)).toEqual([{ type: "done", index: 7 }]);
  });

  test("a symbolic link, an open mode and a folder in its place are refused", async () => {
    const path = temporaryFolder();
    const target = join(path, "elsewhere");
    writeFileSync(target, "", { mode: 0o600 });
    symlinkSync(target, join(path, "journal"));
    await expect(journalIn(path).read()).rejects.toMatchObject({
      kind: "journal",
      message: expect.stringMatching(/symbolic link/),
    });
    const open = temporaryFolder();
    writeFileSync(join(open, "journal"), "", { mode: 0o644 });
    await expect(journalIn(open).read()).rejects.toMatchObject({
      kind: "journal",
      message: expect.stringMatching(/open to others/),
    });
  });

  test("an append that finds the disk full leaves the file as it was", async () => {
    const path = temporaryFolder();
    const { location } = await writtenJournal(path);
    const bytes = readFileSync(location);
    appendFileSync(location, "00000010 0000");
    truncateSync(location, bytes.length + 5);
    using writer = journalIn(path);
    await writer.append({ type: "done", index: 0 });
    expect(readFileSync(location).subarray(0, bytes.length)).toEqual(bytes);
    expect((await journalIn(path).read()).length).toBe(RECORDS.length + 1);
  });
});

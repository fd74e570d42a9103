import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { Finding } from "../../../src/app/doctor/finding.ts";
import { blockedPolicy } from "../../../src/model/firewall/transition.ts";
import { envelopeFor, FORMAT_VERSION } from "../../../src/state/envelope.ts";
import { FileJournal } from "../../../src/state/file-journal.ts";
import { encodeLine } from "../../../src/state/line.codec.ts";
import { takeLock } from "../../../src/state/lock.ts";
import { StateFolder } from "../../../src/state/state-folder.ts";
import { RECORDS } from "../../state/records.ts";
import { examine, openTestSession } from "../../support/test-session.ts";
import { type SimulatedFolder, simulatedFolder } from "./simulated-machine.ts";

const IDENTITY = { bootId: "simulated", namespace: "simulated" };

let machine: SimulatedFolder;
beforeEach(async () => {
  machine = simulatedFolder();
  await machine.apply();
}, 60_000);
afterEach(() => machine[Symbol.dispose]());

const inState = (name: string): string => join(machine.state, name);

async function findings(): Promise<readonly Finding[]> {
  return (await examine(machine.options)).findings;
}

async function faults(): Promise<readonly Finding[]> {
  return (await findings()).filter(({ severity }) => severity === "fault");
}

/** A journal that a crash left open, as bytes. */
async function openJournal(count: number): Promise<Buffer> {
  using journal = new FileJournal(new StateFolder(machine.state), IDENTITY);
  for (const record of RECORDS.slice(0, count)) await journal.append(record);
  return readFileSync(journal.location);
}

function filesOf(folder: string): Readonly<Record<string, string>> {
  return Object.fromEntries(
    readdirSync(folder, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => [join(entry.parentPath, entry.name), readFileSync(join(entry.parentPath, entry.name), "base64")]),
  );
}

const HOLDER = { pid: process.pid, verb: "apply", sinceMs: 0 };

test("law 9: a running apply is at work, and was not interrupted", async () => {
  await openJournal(2);
  using _lock = takeLock(inState("lock"), HOLDER);
  const open = (await findings()).find(({ evidence }) => evidence.some((line) => line.includes("journal holds")));
  expect(open).toMatchObject({
    id: "journal-at-work",
    severity: "note",
    what: expect.stringMatching(`^process ${process.pid} is working on apply of generation [0-9]+`),
    remedy: ["wait until it ends, then run awg doctor"],
  });
});

test("law 9: a killed process is not at work, whoever has its number by now", async () => {
  await openJournal(2);
  writeFileSync(inState("lock"), JSON.stringify(HOLDER), { mode: 0o600 });
  expect((await faults()).map(({ id }) => id)).toContain("journal-open");
});

test("law 9: that an apply and its undo failed is reported, whichever process is at work", async () => {
  {
    using journal = new FileJournal(new StateFolder(machine.state), IDENTITY);
    for (const record of RECORDS.slice(0, 1)) await journal.append(record);
    await journal.append({ type: "blocked", cause: "no way back" });
  }
  using _lock = takeLock(inState("lock"), HOLDER);
  expect((await faults()).map(({ id }) => id)).toContain("journal-blocked");
});

test("law 9: a lock that is a link is named, and the rest is shown", async () => {
  await openJournal(2);
  rmSync(inState("lock"), { force: true });
  symlinkSync("elsewhere", inState("lock"));
  const reported = await faults();
  expect(reported.map(({ id }) => id)).toContain("journal-open");
  expect(reported.find(({ id }) => id === "state-file-unreadable")).toMatchObject({
    what: expect.stringContaining(`the lock file ${inState("lock")} could not be opened`),
    remedy: [`mv ${inState("lock")} ${inState("lock")}.damaged`],
  });
});

describe("a healthy machine", () => {
  test("law 2: nothing is wrong, and looking changed no byte of its state", async () => {
    const before = filesOf(machine.folder);
    expect(await faults()).toEqual([]);
    expect(filesOf(machine.folder)).toEqual(before);
  });

  test("law 2: looking where nothing ever was makes nothing", async () => {
    for (const path of [machine.state, machine.file]) rmSync(path, { recursive: true });
    expect(await faults()).toEqual([]);
    expect(existsSync(machine.state)).toBe(false);
  });
});

describe("the journal", () => {
  test("cut at every byte: an open change or none, never a throw; each finding names the file and a command", async () => {
    const bytes = await openJournal(3);
    const seen = new Set<string>();
    for (let cut = 0; cut <= bytes.length; cut++) {
      writeFileSync(inState("journal"), bytes.subarray(0, cut), { mode: 0o600 });
      for (const finding of await faults()) {
        seen.add(finding.id);
        expect([finding.what, ...finding.evidence].join(" ")).toContain(inState("journal"));
        expect(finding.remedy.length).toBeGreaterThan(0);
      }
    }
    expect([...seen]).toEqual(["journal-open"]);
  });

  test("a bit flipped anywhere: damaged, named, with what moving it away costs", async () => {
    const bytes = await openJournal(3);
    let damaged = 0;
    for (let at = 0; at < bytes.length; at += 7) {
      const flipped = Buffer.from(bytes);
      flipped[at] = (flipped[at] as number) ^ 0x10;
      writeFileSync(inState("journal"), flipped, { mode: 0o600 });
      const [first] = await faults();
      expect(first?.remedy.length).toBeGreaterThan(0);
      if (first?.id !== "state-file-damaged") continue;
      damaged += 1;
      expect(first.what).toContain(inState("journal"));
      expect(first.remedy[0]).toBe(`mv ${inState("journal")} ${inState("journal")}.damaged`);
      expect(first.consequence).toContain("awg forgets the open change");
    }
    expect(damaged).toBeGreaterThan(bytes.length / 7 / 2);
  });

  test.each<[string, Uint8Array, string]>([
    ["garbage", Buffer.from("not a journal\nat all\n"), "state-file-damaged"],
    ["zeros", Buffer.alloc(4096, 10), "state-file-damaged"],
    [
      "a newer version",
      encodeLine({ ...envelopeFor(IDENTITY), format: FORMAT_VERSION + 1, writer: "awg 9.9.9" }),
      "state-file-newer",
    ],
    ["another namespace", encodeLine({ ...envelopeFor(IDENTITY), namespace: "net:[2]" }), "state-file-foreign"],
  ])("%s", async (_what, bytes, id) => {
    writeFileSync(inState("journal"), bytes, { mode: 0o600 });
    const [first, ...more] = await faults();
    expect([first?.id, more]).toEqual([id, []]);
    expect(first?.what).toContain(inState("journal"));
    if (id === "state-file-newer") expect(first?.what).toContain("awg 9.9.9");
  });

  test("law 5: after what doctor says was done, apply goes through and the machine is as the config says", async () => {
    const bytes = await openJournal(3);
    bytes[bytes.length - 20] = 0;
    writeFileSync(inState("journal"), Buffer.concat([bytes, bytes]), { mode: 0o600 });
    await expect(machine.apply("ipv6: block\n")).rejects.toMatchObject({
      kind: "journal",
      remedy: expect.stringContaining("awg doctor"),
    });
    const [first] = await faults();
    expect(first?.remedy[0]).toBe(`mv ${inState("journal")} ${inState("journal.damaged")}`);
    renameSync(inState("journal"), inState("journal.damaged"));
    await machine.apply("ipv6: block\n");
    expect(await faults()).toEqual([]);
  });
});

describe("the other files", () => {
  test.each([["ledger"], ["generation-1"]])("%s: cut, flipped or emptied, it is named", async (name) => {
    const path = inState(name);
    const bytes = readFileSync(path);
    for (const broken of [bytes.subarray(0, 40), bytes.subarray(0, -1), Buffer.alloc(0), Buffer.from("x\n")]) {
      writeFileSync(path, broken);
      const [first] = await faults();
      expect(first?.id).toBe("state-file-damaged");
      expect(first?.what).toContain(path);
      expect(first?.consequence).not.toContain("forgets the open change");
    }
    renameSync(path, `${path}.damaged`);
    await machine.apply();
    expect(await faults()).toEqual([]);
  });

  test("a file or folder that others may write is named with the command that closes it", async () => {
    chmodSync(inState("ledger"), 0o644);
    const [file] = await faults();
    expect([file?.id, file?.remedy]).toEqual(["state-file-unreadable", [`chmod go= ${inState("ledger")}`]]);
    chmodSync(inState("ledger"), 0o600);
    chmodSync(machine.state, 0o755);
    const [folder] = await faults();
    expect([folder?.id, folder?.remedy.at(-1)]).toEqual(["state-folder", `chmod go= ${machine.state}`]);
  });

  test("a folder where a file should be is moved away, not read", async () => {
    rmSync(inState("ledger"));
    mkdirSync(inState("ledger"));
    const [first] = await faults();
    expect([first?.id, first?.remedy]).toEqual([
      "state-file-unreadable",
      [`mv ${inState("ledger")} ${inState("ledger")}.damaged`],
    ]);
  });

  test("a secret that a generation needs and no place has, which an apply of its config keeps again", async () => {
    rmSync(inState("secrets"), { recursive: true });
    expect((await faults()).map(({ id }) => id)).toEqual(["secret-missing"]);
    await machine.apply();
    expect(await faults()).toEqual([]);
    expect(existsSync(inState("generation-2"))).toBe(false);
  });

  test.each(["secrets", "machine.key"])("a damaged file of %s is what is named, here and by a plan", async (which) => {
    const [secret = ""] = readdirSync(inState("secrets"));
    const path = which === "secrets" ? join(inState("secrets"), secret) : inState(which);
    writeFileSync(path, which === "secrets" ? "" : Buffer.alloc(32, 1));
    const [first, ...more] = await faults();
    expect([first?.id, more.length, first?.remedy[0]]).toEqual(["state-file-damaged", 0, `mv ${path} ${path}.damaged`]);
    await expect(machine.apply()).rejects.toThrow(
      `${path} ${which === "secrets" ? "is empty" : "does not match the stored secrets"}`,
    );
    renameSync(path, `${path}.damaged`);
    await machine.apply();
    expect(await faults()).toEqual([]);
  });
});

describe("law 1: what the machine lets pass while its state cannot be read", () => {
  const breakAll = (...names: readonly string[]): void => {
    for (const name of names) writeFileSync(inState(name), "x\n", { mode: 0o600 });
  };
  const setPolicy = (policy: unknown): void => {
    const text = JSON.parse(readFileSync(machine.file, "utf8")) as object;
    const firewall = { policy, held: true, damage: [], droppedPackets: 0 };
    writeFileSync(machine.file, JSON.stringify({ ...text, firewall }));
  };
  const ids = async () => (await faults()).map(({ id }) => id).filter((id) => !id.startsWith("state-file"));

  test("a loaded policy needs no words", async () => {
    breakAll("journal", "ledger", "generation-1");
    expect(await ids()).toEqual([]);
  });

  test("blocked: said, with the remedy", async () => {
    breakAll("ledger", "generation-1");
    setPolicy(blockedPolicy());
    expect(await ids()).toEqual(["traffic-blocked"]);
    expect((await faults()).at(-1)?.remedy.at(-1)).toContain("awg destroy");
  });

  test("open: said once, whatever is left to read", async () => {
    for (const names of [["journal"], ["ledger", "generation-1"]]) {
      breakAll(...names);
      setPolicy(null);
      expect((await ids()).filter((id) => id === "policy-missing")).toHaveLength(1);
    }
  });
});

describe("what exists on the machine", () => {
  test("a change of another program is drift, and doctor's command puts it back", async () => {
    const text = readFileSync(machine.file, "utf8");
    const changed = text.replaceAll("10.8.0.2/32", "10.8.0.3/32");
    expect(changed).not.toBe(text);
    writeFileSync(machine.file, changed);
    const found = await faults();
    expect(found.map(({ id }) => id)).toContain("drifted");
    expect(found.flatMap(({ remedy }) => remedy)).toEqual(["awg apply"]);
    await using session = await openTestSession(machine.options);
    const planned = await session.planRollback(1);
    await session.apply(planned, { onEvent: () => {}, shouldStop: () => undefined });
    expect((await faults()).map(({ id }) => id)).not.toContain("drifted");
  });
});

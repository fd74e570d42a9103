import { chmodSync, cpSync, mkdirSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { startDaemon } from "../../../src/compose/start-daemon.ts";
import type { FirewallPolicy } from "../../../src/model/firewall/policy.ts";
import { blockedPolicy } from "../../../src/model/firewall/transition.ts";
import { envelopeFor, FORMAT_VERSION } from "../../../src/state/envelope.ts";
import { FileJournal } from "../../../src/state/file-journal.ts";
import { encodeLine } from "../../../src/state/line.codec.ts";
import { StateFolder } from "../../../src/state/state-folder.ts";
import { type SimulatedBench, useSimulatedBench } from "../../compose/simulated-bench.ts";
import { SEED } from "../../property/seed.ts";
import { RECORDS } from "../../state/records.ts";
import { sampleConfig } from "../../support/config.ts";
import { temporaryFolder } from "../../support/folder.ts";
import { openTestSession, type TestSession } from "../../support/test-session.ts";

const IDENTITY = { bootId: "simulated", namespace: "simulated" };
const newBench = useSimulatedBench();

type Break = (path: string) => void;

const NEWER = Buffer.from(encodeLine({ ...envelopeFor(IDENTITY), format: FORMAT_VERSION + 1, writer: "awg 9.9.9" }));

/** What can be wrong with a file. */
const BREAKS: Readonly<Record<string, Break>> = {
  corrupt: (path) => writeFileSync(path, "0000000 this is none\n", { mode: 0o600 }),
  newer: (path) => writeFileSync(path, NEWER, { mode: 0o600 }),
  "a folder": (path) => {
    rmSync(path, { force: true });
    mkdirSync(path);
  },
  "a link": (path) => {
    rmSync(path, { force: true });
    symlinkSync("/dev/null", path);
  },
  "open to others": (path) => {
    writeFileSync(path, "", { flag: "a" });
    chmodSync(path, 0o644);
  },
};
const FILES = ["journal", "ledger", "generation-1"];

const stateOf = (bench: SimulatedBench, name = ""): string => join(`${bench.file}.state`, name);

interface MachineText {
  readonly firewall: { readonly policy: FirewallPolicy | null; readonly held: boolean };
}

function policyOf(bench: SimulatedBench): FirewallPolicy | null {
  return (JSON.parse(bench.read()) as MachineText).firewall.policy;
}

/** What a reboot takes away of the packet filter. */
function emptyKernel(bench: SimulatedBench): void {
  const machine = JSON.parse(bench.read()) as object;
  const firewall = { policy: null, held: false, damage: [], droppedPackets: 0 };
  writeFileSync(bench.file, JSON.stringify({ ...machine, firewall }));
}

/** The folder of the first such machine, for the others to begin with. */
let applied: string | undefined;

/** A machine with a kill switch, and the policy that stands. */
async function protectedBench(): Promise<{ readonly bench: SimulatedBench; readonly accepted: FirewallPolicy }> {
  const bench = newBench();
  if (applied === undefined) {
    await bench.apply(bench.config({ office: {} }));
    applied = temporaryFolder("applied");
    cpSync(bench.folder, applied, { recursive: true });
  } else {
    cpSync(applied, bench.folder, { recursive: true });
    // A copied folder has the mode of a new one.
    for (const folder of [stateOf(bench), stateOf(bench, "secrets")]) chmodSync(folder, 0o700);
  }
  const accepted = policyOf(bench);
  if (accepted === null) throw new Error("nothing stands");
  return { bench, accepted };
}

/** What a verb does that changes the machine, as the command line runs it. */
async function change(bench: SimulatedBench, act: (session: TestSession) => Promise<unknown>): Promise<unknown> {
  const host = { kind: "simulated", file: bench.file } as const;
  await using session = await openTestSession({ host, allowInsecurePermissions: false, environment: {} });
  try {
    await act(session);
  } catch (error) {
    return await session.ifUnreadable(error, "protect");
  }
  throw new Error("it went through");
}

const HOOKS = { onEvent: () => {}, shouldStop: () => undefined };
const VERBS: Readonly<Record<string, (bench: SimulatedBench) => (session: TestSession) => Promise<unknown>>> = {
  apply: (bench) => async (session) => {
    const loaded = await session.load([{ name: "awg.yaml", text: bench.config({ office: {} }), mode: 0o600 }]);
    await session.apply(await session.planAndHold(loaded), HOOKS);
  },
  destroy: () => async (session) => session.apply(await session.planDestroy(), HOOKS),
  rollback: () => async (session) => session.apply(await session.planRollback(1), HOOKS),
};

/** As `awg status` asks. */
async function statusOf(session: TestSession): Promise<unknown> {
  return session.status().catch(async (cause: unknown) => {
    throw await session.ifUnreadable(cause, "tell");
  });
}

/** Runs the daemon until it reports that it is stalled, or that all is well, and gives its words. */
async function daemonSays(bench: SimulatedBench): Promise<string> {
  const said = Promise.withResolvers<string>();
  const config = join(bench.folder, "awg.yaml");
  writeFileSync(config, bench.config({ office: {} }), { mode: 0o600 });
  await startDaemon({
    notify: false,
    statusDocument: () => null,
    host: { kind: "simulated", file: bench.file },
    allowInsecurePermissions: false,
    environment: {},
    files: [config],
    report: (report) => {
      if (report.type === "stalled") said.resolve(report.reason);
      if (report.type === "inSync") said.resolve("in sync");
    },
    untilStopped: said.promise,
  });
  return said.promise;
}

describe("law 1: a state file that cannot be read, and nothing of ours in the kernel", () => {
  for (const file of FILES) {
    for (const [how, breakIt] of Object.entries(BREAKS)) {
      test(`${file} is ${how}: apply, destroy and rollback leave the accepted policy standing and name the file`, async () => {
        for (const verb of Object.values(VERBS)) {
          const { bench, accepted } = await protectedBench();
          emptyKernel(bench);
          breakIt(stateOf(bench, file));
          const error = await change(bench, verb(bench));
          expect(error).toMatchObject({
            message: expect.stringMatching(/traffic is blocked except what the loaded packet filter allows$/),
            facts: { traffic: "guarded" },
          });
          expect(String(error)).toContain(stateOf(bench, file));
          expect(policyOf(bench)).toEqual(accepted);
        }
      });
    }

    test(`${file} is corrupt: so does the daemon, which says why it stalls`, async () => {
      const { bench, accepted } = await protectedBench();
      emptyKernel(bench);
      BREAKS["corrupt"]?.(stateOf(bench, file));
      expect(await daemonSays(bench)).toMatch(/is corrupt at byte 0; traffic is blocked except/);
      expect(policyOf(bench)).toEqual(accepted);
    });
  }

  test("an empty ledger or generation is unreadable too; an empty journal is none", async () => {
    for (const file of ["ledger", "generation-1"]) {
      const { bench, accepted } = await protectedBench();
      emptyKernel(bench);
      writeFileSync(stateOf(bench, file), "");
      expect(String(await change(bench, VERBS["apply"]?.(bench) as never))).toContain("traffic is blocked");
      expect(policyOf(bench)).toEqual(accepted);
    }
    const { bench, accepted } = await protectedBench();
    emptyKernel(bench);
    writeFileSync(stateOf(bench, "journal"), "", { mode: 0o600 });
    await bench.apply(bench.config({ office: {} }));
    expect(policyOf(bench)).toEqual(accepted);
  });

  test("S1.4: where ledger and generation are gone with it, nothing passes, and status says so without writing", async () => {
    const { bench } = await protectedBench();
    emptyKernel(bench);
    for (const file of FILES) BREAKS["corrupt"]?.(stateOf(bench, file));
    const before = bench.read();
    await expect(bench.ask(statusOf)).rejects.toMatchObject({
      message: `${stateOf(bench, "journal")} is corrupt at byte 0; awg's packet filter is not loaded, so traffic is not protected`,
      facts: { traffic: "unprotected" },
    });
    expect(bench.read()).toBe(before);
    await change(bench, VERBS["apply"]?.(bench) as never);
    expect(policyOf(bench)).toEqual(blockedPolicy());
    await expect(bench.ask(statusOf)).rejects.toMatchObject({
      message: expect.stringContaining("traffic is blocked: only loopback, DHCP and NDP pass"),
    });
  });

  test("S1.4: a state folder that is open to others", async () => {
    const { bench } = await protectedBench();
    emptyKernel(bench);
    chmodSync(stateOf(bench), 0o755);
    expect(await daemonSays(bench)).toMatch(/traffic is blocked: only loopback, DHCP and NDP pass/);
    expect(policyOf(bench)).toEqual(blockedPolicy());
  });

  test("S10: where ledger and generation name two policies, what both allow is loaded", async () => {
    const { bench } = await protectedBench();
    const ledger = readFileSync(stateOf(bench, "ledger"));
    await bench.apply(bench.config({ office: {}, home: {} }));
    writeFileSync(stateOf(bench, "ledger"), ledger);
    emptyKernel(bench);
    BREAKS["corrupt"]?.(stateOf(bench, "journal"));
    await change(bench, VERBS["destroy"]?.(bench) as never);
    expect(policyOf(bench)?.layers).toHaveLength(2);
  });
});

test("law 1, B5: whatever became of the files, no apply and no destroy that fails leaves the machine open", async () => {
  const damage = fc.record({
    how: fc.constantFrom("cut", "flip", "zero", "append"),
    at: fc.double({ min: 0, max: 0.999, noNaN: true }),
  });
  const files = fc.record({ journal: damage, ledger: damage, "generation-1": damage }, { requiredKeys: [] });
  const { bench: first } = await protectedBench();
  using journal = new FileJournal(new StateFolder(stateOf(first)), IDENTITY);
  for (const record of RECORDS.slice(0, 3)) await journal.append(record);
  const begun = readFileSync(journal.location);
  let refused = 0;
  await fc.assert(
    fc.asyncProperty(files, fc.constantFrom("apply", "destroy"), async (damages, verb) => {
      const { bench } = await protectedBench();
      emptyKernel(bench);
      for (const [name, { how, at }] of Object.entries(damages)) {
        const path = stateOf(bench, name);
        const bytes = name === "journal" ? begun : readFileSync(path);
        writeFileSync(path, spoiled(bytes, how, Math.floor(at * bytes.length)), { mode: 0o600 });
      }
      const error = await change(bench, VERBS[verb]?.(bench) as never).catch(() => undefined);
      if (error === undefined) return;
      refused += 1;
      expect(policyOf(bench)).not.toBeNull();
    }),
    { seed: SEED, numRuns: 25 },
  );
  expect(refused).toBeGreaterThan(12);
});

function spoiled(bytes: Buffer, how: string, at: number): Buffer {
  if (how === "cut") return bytes.subarray(0, at);
  if (how === "append") return Buffer.concat([bytes, bytes.subarray(at)]);
  const changed = Buffer.from(bytes);
  changed[at] = how === "zero" ? 0 : (changed[at] ?? 0) ^ 0x10;
  return changed;
}

describe("law 1: who is not cut off", () => {
  test("what is loaded already is not written, and said", async () => {
    for (const file of FILES) {
      const { bench } = await protectedBench();
      const before = bench.read();
      BREAKS["corrupt"]?.(stateOf(bench, file));
      expect(String(await change(bench, VERBS["apply"]?.(bench) as never))).toContain("traffic is blocked except");
      expect(bench.read()).toBe(before);
    }
  });

  test("a machine without a policy in its accepted state", async () => {
    for (const file of FILES) {
      const bench = newBench();
      await bench.apply(sampleConfig("default: { via: direct }\nkillSwitch: { enabled: false }\n"));
      await bench.apply(bench.config({ office: {} }));
      await bench.destroy();
      const last = file === "generation-1" ? "generation-2" : file;
      BREAKS["corrupt"]?.(stateOf(bench, last));
      const error = await change(bench, VERBS["apply"]?.(bench) as never);
      expect(error).toMatchObject({ facts: { traffic: "open" } });
      expect(policyOf(bench)).toBeNull();
    }
  });

  test("a machine on which awg never wrote, though its state folder was made by others", async () => {
    const bench = newBench();
    mkdirSync(stateOf(bench), { mode: 0o755 });
    const error = await change(bench, VERBS["apply"]?.(bench) as never);
    expect(error).toMatchObject({ kind: "journal", facts: { traffic: "open" } });
    await expect(async () => policyOf(bench)).rejects.toThrow("ENOENT");
  });

  test.each([
    ["a ledger of accounts", (folder: string) => writeFileSync(join(folder, "ledger"), "2026-11-23 rent 900\n")],
    ["journald's folder", (folder: string) => mkdirSync(join(folder, "journal"))],
  ])("a machine whose --state-dir names a folder with %s", async (_, fill) => {
    const bench = newBench();
    mkdirSync(stateOf(bench), { mode: 0o700 });
    fill(stateOf(bench));
    const error = await change(bench, VERBS["destroy"]?.(bench) as never);
    expect(error).toMatchObject({ kind: "journal", facts: { traffic: "open" } });
    await expect(async () => policyOf(bench)).rejects.toThrow("ENOENT");
  });

  test("a --state-dir that is a file or lies below a file is refused before anything is read", async () => {
    const { bench } = await protectedBench();
    emptyKernel(bench);
    const before = bench.read();
    const file = join(bench.folder, "hosts");
    writeFileSync(file, "127.0.0.1 localhost\n");
    const host = { kind: "simulated", file: bench.file } as const;
    for (const stateDir of [file, join(file, "state")]) {
      const opened = openTestSession({ host, stateDir, allowInsecurePermissions: false, environment: {} });
      await expect(opened).rejects.toMatchObject({ kind: "usage", message: `--state-dir ${stateDir} is not a folder` });
    }
    expect(bench.read()).toBe(before);
    renameSync(stateOf(bench), `${stateOf(bench)}.kept`);
    writeFileSync(stateOf(bench), "");
    await expect(daemonSays(bench)).rejects.toMatchObject({
      kind: "journal",
      message: `the state folder ${stateOf(bench)} is not a folder`,
    });
    expect(bench.read()).toBe(before);
  });

  test("a journal of another namespace does not speak of this host", async () => {
    const { bench } = await protectedBench();
    emptyKernel(bench);
    const foreign = encodeLine({ ...envelopeFor(IDENTITY), namespace: "net:[2]" });
    writeFileSync(stateOf(bench, "journal"), foreign, { mode: 0o600 });
    const error = await change(bench, VERBS["apply"]?.(bench) as never);
    expect(error).toMatchObject({ kind: "journal", facts: { state: "foreign" } });
    expect(policyOf(bench)).toBeNull();
  });

  test("what is wrong with the question itself is reported as such", async () => {
    const { bench } = await protectedBench();
    emptyKernel(bench);
    BREAKS["corrupt"]?.(stateOf(bench, "journal"));
    const error = await change(bench, async (session) => session.planRollback(9));
    expect(error).toMatchObject({ kind: "usage" });
  });
});

describe("the remedy", () => {
  test("from blocked: what doctor says, then apply or destroy", async () => {
    for (const isApplied of [true, false]) {
      const { bench, accepted } = await protectedBench();
      emptyKernel(bench);
      for (const file of FILES) BREAKS["corrupt"]?.(stateOf(bench, file));
      await change(bench, VERBS["apply"]?.(bench) as never);
      expect(policyOf(bench)).toEqual(blockedPolicy());
      for (const file of FILES) renameSync(stateOf(bench, file), stateOf(bench, `${file}.damaged`));
      if (isApplied) await bench.apply(bench.config({ office: {} }));
      else await bench.destroy();
      expect(policyOf(bench)).toEqual(isApplied ? accepted : null);
    }
  });

  test("the daemon goes on by itself when the file is moved away", async () => {
    const { bench, accepted } = await protectedBench();
    emptyKernel(bench);
    BREAKS["corrupt"]?.(stateOf(bench, "journal"));
    expect(await daemonSays(bench)).toContain("traffic is blocked");
    renameSync(stateOf(bench, "journal"), stateOf(bench, "journal.damaged"));
    expect(await daemonSays(bench)).toBe("in sync");
    expect(policyOf(bench)).toEqual(accepted);
  });
});

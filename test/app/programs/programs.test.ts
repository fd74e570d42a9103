import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import type { ProgramLine, ProgramsReport } from "../../../src/app/programs/program-report.ts";
import { programsDocument, renderPrograms, renderWatched } from "../../../src/cli/verbs/inspect/programs.view.ts";
import { explanationDocument, renderExplanation } from "../../../src/cli/views/explanation.ts";
import { styleFor } from "../../../src/cli/views/style.ts";
import type { MachineState } from "../../../src/host/simulated/machine-state.ts";
import { tunnelConfig, writePrivateKey } from "../../support/config.ts";
import { temporaryFolder } from "../../support/folder.ts";
import { openTestSession, type TestSession } from "../../support/test-session.ts";

const PLAIN = styleFor(false);

let folder: string;
const machine = () => join(folder, "machine.json");

const config = (rules: string) =>
  tunnelConfig({
    keyFile: join(folder, "key"),
    more: `rules:
${rules}
`,
  });
const ACCEPTED = `  - { name: lan, destinations: [203.0.113.0/24], via: direct }
  - { name: backups, users: [backup], via: block }`;
const BY_PROGRAM = `  - { name: mirror, destinations: [203.0.113.0/24], via: direct }
  - { name: browser, apps: [{ contains: firefox }], via: office }
  - { name: backups, users: [backup], via: block }
  - { name: apple, apps: [{ signer: TEAM }], via: block }
  - { name: other, not: { apps: [{ bundleId: com.example }] }, via: office }`;

async function withSession<T>(work: (session: TestSession) => Promise<T>): Promise<T> {
  const host = { kind: "simulated", file: machine() } as const;
  await using session = await openTestSession({ host, allowInsecurePermissions: false, environment: {} });
  return work(session);
}

beforeEach(async () => {
  folder = temporaryFolder("programs");
  writePrivateKey(folder);
  await withSession(async (session) => {
    const planned = await session.plan(await session.load([{ name: "c.yaml", text: config(ACCEPTED) }]));
    await session.apply(planned, { onEvent: () => undefined, shouldStop: () => undefined });
  });
  const state = JSON.parse(readFileSync(machine(), "utf8")) as MachineState;
  state.processes = [
    { pid: 1, uid: 0, path: "/sbin/init" },
    { pid: 20, uid: 1000, path: "/opt/firefox/firefox" },
    { pid: 30, uid: 34, path: "/usr/bin/rsync" },
    { pid: 31, uid: 1000, path: "/usr/bin/rsync" },
  ];
  writeFileSync(machine(), JSON.stringify(state));
});

const rulesOf = (report: ProgramsReport) =>
  Object.fromEntries(
    report.programs.map(({ program, rule, perhaps }) => [
      program.pid,
      [rule?.origin, rule?.via, rule?.enforcement, ...perhaps.map((one) => `${one.rule.origin}: ${one.why}`)],
    ]),
  );

async function programs(text?: string): Promise<ProgramsReport> {
  return withSession(async (session) => {
    const loaded = text === undefined ? undefined : await session.load([{ name: "c.yaml", text }]);
    return session.programs(loaded?.config);
  });
}

describe("programs with the rule that would apply", () => {
  test("of the accepted state: by user, and for some traffic by destination", async () => {
    const report = await programs();
    expect(report).toMatchObject({ rulesOf: "accepted", generation: 1 });
    expect(rulesOf(report)).toEqual({
      1: ["default", "office", "enforced", "rules/0 (lan): depends"],
      20: ["default", "office", "enforced", "rules/0 (lan): depends"],
      30: ["rules/1 (backups)", "block", "enforced", "rules/0 (lan): depends"],
      31: ["default", "office", "enforced", "rules/0 (lan): depends"],
    });
  });

  test("law 9: of a config, with how well it is kept, and why no better", async () => {
    const report = await programs(config(BY_PROGRAM));
    expect(report.rulesOf).toBe("config");
    expect(rulesOf(report)).toEqual({
      1: ["rules/4 (other)", "office", "unsupported", "rules/0 (mirror): depends"],
      20: ["rules/1 (browser)", "office", "enforced", "rules/0 (mirror): depends"],
      30: ["rules/2 (backups)", "block", "enforced", "rules/0 (mirror): depends"],
      31: ["rules/4 (other)", "office", "unsupported", "rules/0 (mirror): depends"],
    });
    expect(report.programs[0]?.rule?.reason).toContain("bundleId");
  });

  test("law 2: reading them changes nothing on the machine", async () => {
    const before = readFileSync(machine(), "utf8");
    await programs();
    await programs(config(BY_PROGRAM));
    expect(readFileSync(machine(), "utf8")).toBe(before);
  });

  test("for people: what is common to all is said once; for programs: one document", async () => {
    const report = await programs();
    const text = renderPrograms(report, PLAIN);
    expect(text.split("\n")[0]).toBe("4 programs, with the rules of generation 1");
    expect(text.match(/rules\/0 \(lan\)/g)).toHaveLength(1);
    expect(text).toContain("before the rule of each: rules/0 (lan) via direct (enforced), for some of its traffic");
    expect(text).toMatch(/^ 30 {2}\S+ +\S+ {2}\/usr\/bin\/rsync +block +enforced +[0-9]+ +rules\/1 \(backups\)$/m);
    expect(programsDocument(report)).toMatchObject({
      formatVersion: "1",
      rulesOf: "accepted",
      generation: 1,
      programs: [{ pid: 1 }, { pid: 20 }, { pid: 30, rule: { via: "block", fallback: null } }, { pid: 31 }],
      unseen: ["a simulated host has no sockets"],
    });
  });
});

describe("awg ps for people, on a narrow terminal", () => {
  const rule = (origin: string) => ({
    origin,
    via: "office",
    fallback: "failover to spare",
    enforcement: "enforced" as const,
  });
  const line = (pid: number, origin: string, perhaps: ProgramLine["perhaps"]): ProgramLine => ({
    program: { pid, since: 0n, parentPid: 1, uid: 0, name: "x", path: "/usr/lib/firefox-esr/firefox-esr" },
    user: "systemd-network",
    sockets: 4,
    class: 12,
    rule: rule(origin),
    perhaps,
  });
  const unknown = ["rules/0 (a)", "rules/1 (b)", "rules/4"].map((origin) => ({
    rule: rule(origin),
    why: "unknown" as const,
  }));
  const report = (programs: readonly ProgramLine[]): ProgramsReport => ({
    rulesOf: "accepted",
    generation: 1,
    programs,
    unseen: [],
  });

  test("each row has one line of at most 80 characters, below its header", () => {
    const long = line(24_887, "rules/2 (office-browsers-of-all-users)", []);
    const lines = renderPrograms(report([long, line(7, "default", [])]), PLAIN, 80)
      .split("\n")
      .slice(1);
    expect(lines).toEqual([
      "  PID  USER      SOCKETS  PROGRAM        VIA        KEPT      CLASS  RULE",
      "24887  systemd…        4  …/firefox-esr  office, …  enforced  12     rules/2 (o…",
      "    7  systemd…        4  …/firefox-esr  office, …  enforced  12     default",
    ]);
    expect(renderPrograms(report([long]), PLAIN, 200)).toContain("office, else failover to spare  enforced");
  });

  test("rules that could not be decided are one line", () => {
    const text = renderPrograms(report([line(7, "default", unknown), line(8, "default", [])]), PLAIN, 80);
    expect(text).toContain("       before it: rules 0, 1, 4 (could not be read)\n");
    const one = renderPrograms(report([line(7, "default", unknown.slice(0, 1)), line(8, "default", [])]), PLAIN, 80);
    expect(one).toContain("       before it: rule 0 (could not be read)\n");
  });
});

describe("awg explain of a program", () => {
  const ask = (program: { pid?: number; app?: string }, more = {}) =>
    withSession((session) =>
      session.explain({ destination: "198.51.100.7", port: 443, user: "1000", resolves: false, program, ...more }),
    );

  test("its user sends, and its rule is shown", async () => {
    const explained = await ask({ pid: 30 });
    expect(explained.flow.uid).toBe(34);
    expect(explained.declared).toMatchObject({ path: "block", verdict: "drop" });
    expect(explained.programs.map(({ rule }) => rule?.origin)).toEqual(["rules/1 (backups)"]);
    expect(renderExplanation(explained, PLAIN)).toContain("program      30  /usr/bin/rsync  rules/0 (lan)");
    expect(explanationDocument(explained)).toMatchObject({ programs: [{ pid: 30, rule: { via: "block" } }] });
  });

  test("by path or by name; a user that was named counts, and several users are shown", async () => {
    expect((await ask({ app: "firefox" })).programs.map(({ program }) => program.pid)).toEqual([20]);
    expect((await ask({ app: "/opt/firefox/firefox" })).flow.uid).toBe(1000);
    expect((await ask({ pid: 30 }, { isUserNamed: true })).flow.uid).toBe(1000);
    const several = await ask({ app: "rsync" });
    expect(several.programs.map(({ program }) => program.pid)).toEqual([30, 31]);
    expect(several.notes.join()).toContain("runs as several users");
  });

  test("one that does not run is said to; a number that no process has is a mistake", async () => {
    const explained = await ask({ app: "curl" });
    expect(explained.programs).toEqual([]);
    expect(explained.notes[0]).toContain("curl does not run now");
    await expect(ask({ pid: 999 })).rejects.toMatchObject({ kind: "usage", message: "there is no process 999" });
  });
});

describe("what programs call themselves", () => {
  const evil: ProgramLine = {
    program: { pid: 5, since: 1n, parentPid: 1, name: "a\u001b[2J\nroot", path: "/tmp/\u202e\n0  root  fake" },
    user: "x\ny",
    perhaps: [],
  };

  test("law 8: neither control characters nor lines of theirs reach a terminal, nor do their arguments", () => {
    const report = { rulesOf: "nothing", programs: [evil], unseen: ["more\nlines"] } as const;
    const text = renderPrograms(report, PLAIN);
    expect(text.split("\n")).toHaveLength(4);
    expect(text).not.toContain("\u001b");
    expect(text).not.toContain("\u202e");
    expect(renderWatched(evil, PLAIN).split("\n")).toHaveLength(1);
    const secret = { ...evil, program: { ...evil.program, commandLine: ["curl", "-u", "me:hunter2"] } };
    const said = [renderPrograms({ ...report, programs: [secret] }, PLAIN), renderWatched(secret, PLAIN)];
    said.push(JSON.stringify(programsDocument({ ...report, programs: [secret] })));
    expect(said.join()).not.toContain("hunter2");
  });
});

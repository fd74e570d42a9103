import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import type { ExplainQuestion } from "../../../src/app/explain/question/question.ts";
import { EXIT } from "../../../src/cli/exit-code.ts";
import { parsePlainly } from "../../../src/cli/plain-options.ts";
import type { Terminal } from "../../../src/cli/terminal.ts";
import { GLOBAL_OPTIONS } from "../../../src/cli/verb-options.ts";
import { renderPrograms } from "../../../src/cli/verbs/inspect/programs.view.ts";
import { VERBS } from "../../../src/cli/verbs.ts";
import { explanationDocument, renderExplanation, renderTrace } from "../../../src/cli/views/explanation.ts";
import { styleFor } from "../../../src/cli/views/style.ts";
import type { MachineState } from "../../../src/host/simulated/machine-state.ts";
import { tunnelConfig, writePrivateKey } from "../../support/config.ts";
import { temporaryFolder } from "../../support/folder.ts";
import { openTestSession, type TestSession } from "../../support/test-session.ts";

let folder: string;
const machine = () => join(folder, "machine.json");
const CONFIG = () =>
  tunnelConfig({
    keyFile: join(folder, "key"),
    addresses: "10.8.0.2/32, fd00:8::2/128",
    allowedIPs: "0.0.0.0/0, ::/0",
    killSwitch: "{ enabled: true }",
    more: `rules:
  - { name: backup, apps: [{ path: /opt/awg-test/backup }], via: direct }
  - { name: games, apps: [{ dir: /opt/awg-test/games }], users: ["1500"], via: block }
  - { name: browser, apps: [{ path: /opt/awg-test/browser }], via: office, fallback: direct, limit: { download: 16mbit } }
  - { name: sync, apps: [{ path: /opt/awg-test/tool }], commandLine: ["--sync( |$)"], via: direct }
  - { name: slice, apps: [{ path: /opt/awg-test/tool }], cgroups: [awg-test.slice], via: block }
dns: { servers: [10.8.0.1], via: office, leakProtection: true }
`,
  });

async function withSession<T>(work: (session: TestSession) => Promise<T>): Promise<T> {
  const host = { kind: "simulated", file: machine() } as const;
  await using session = await openTestSession({ host, allowInsecurePermissions: false, environment: {} });
  return work(session);
}

function tamper(change: (state: MachineState) => void): void {
  const state = JSON.parse(readFileSync(machine(), "utf8"));
  change(state);
  writeFileSync(machine(), JSON.stringify(state));
}

const ask = (program: ExplainQuestion["program"], user = "1000") =>
  withSession((session) =>
    session.explain({
      destination: "198.51.100.7",
      port: 443,
      user,
      resolves: false,
      ...(program === undefined ? {} : { program }),
    }),
  );

/** The exit code of awg explain. */
async function exitOf(...args: readonly string[]): Promise<number> {
  const terminal: Terminal = {
    out: () => undefined,
    err: () => undefined,
    colorOut: false,
    colorErr: false,
    interactive: false,
    columns: 80,
    ask: () => undefined,
    readInput: () => "",
  };
  const plain = parsePlainly(["explain", ...args, "--host", `simulated:${machine()}`], VERBS, GLOBAL_OPTIONS);
  if (plain === undefined) throw new Error("not parsed");
  const { verb, ...call } = plain;
  return (await verb.load()).run({ terminal, environment: {}, verbs: VERBS, globalOptions: GLOBAL_OPTIONS, ...call });
}

beforeEach(async () => {
  folder = temporaryFolder("socket-class");
  writePrivateKey(folder);
  await withSession(async (session) => {
    const planned = await session.plan(await session.load([{ name: "c.yaml", text: CONFIG() }]));
    await session.apply(planned, { onEvent: () => undefined, shouldStop: () => undefined });
  });
  tamper((state) => {
    state.processes = [
      { pid: 1, uid: 0, path: "/sbin/init" },
      { pid: 20, uid: 1000, path: "/opt/awg-test/backup" },
    ];
  });
});

describe("the class of a program in awg explain", () => {
  test("a running program goes by its rule, in the config and in the kernel", async () => {
    const explained = await ask({ pid: 20 });
    expect(explained).toMatchObject({
      disagreements: [],
      declared: {
        path: "direct",
        reason: "S4.4 rules/0 (backup)",
        socketClass: { meaning: "file /opt/awg-test/backup with children" },
      },
      live: { path: "direct", verdict: "accept" },
    });
    expect(explained.fallback).toBeUndefined();
    expect(explained.dns).toMatchObject({ server: "10.8.0.1", path: "awg-office", verdict: "accept" });
  });

  test("a program that does not run is explained from its file: by folder, by user and by path", async () => {
    const browser = await ask({ app: "/opt/awg-test/browser" });
    expect(browser).toMatchObject({
      disagreements: [],
      declared: { path: "awg-office", reason: "S4.4 rules/2 (browser)" },
      fallback: { text: "direct", isInForce: false },
      programs: [{ program: { pid: 0, uid: 1000 }, rule: { via: "office", fallback: "direct" } }],
    });
    expect(browser.notes[0]).toContain("/opt/awg-test/browser does not run now: explained as started by user 1000");
    const game = { app: "/opt/awg-test/games/bin/chess" };
    expect((await ask(game, "1500")).declared).toMatchObject({ path: "block", reason: "S4.4 rules/1 (games)" });
    expect((await ask(game)).declared).toMatchObject({ path: "awg-office", reason: "S4.7 default" });
  });

  test("one that does not run, with a rule by its command line: explained without arguments, and the rule is named", async () => {
    const explained = await ask({ app: "/opt/awg-test/tool" });
    expect(explained).toMatchObject({
      disagreements: [],
      declared: { path: "awg-office", socketClass: { meaning: "a program that no rule names" } },
      programs: [{ rule: { origin: "default" } }],
    });
    expect(explained.notes.slice(1)).toEqual([
      "rules/3 (sync) depends on the command line: explained as started without arguments",
      "rules/4 (slice) depends on the cgroup: explained as in none that a rule names",
    ]);
    expect((await ask({ app: "/opt/awg-test/browser" })).notes.join()).not.toContain("depends on");
  });

  describe("where an ancestor cannot be read", () => {
    const orphan = (path: string) =>
      tamper((state) => {
        state.processes.push({ pid: 30, uid: 1000, path, parentPid: 29 });
      });

    test("law 9: rules that may match give several paths, and none is certain", async () => {
      orphan("/opt/awg-test/other");
      const explained = await ask({ pid: 30 });
      expect(explained).toMatchObject({
        disagreements: [],
        declared: { path: "(undecided)", verdict: "unknown" },
        live: { path: "(undecided)", verdict: "unknown" },
        undecided: {
          why: "awg cannot read which of these rules matches first",
          paths: [
            { declared: { path: "direct", reason: "S4.4 rules/0 (backup)" }, live: { path: "direct" } },
            { declared: { path: "awg-office", reason: "S4.4 rules/2 (browser)" }, live: { path: "awg-office" } },
            { declared: { path: "awg-office", reason: "S4.7 default" }, live: { path: "awg-office" } },
          ],
        },
      });
      expect(explained.notes).toEqual([]);
      expect(renderExplanation(explained, styleFor(false)).split("\n").slice(1, 5)).toEqual([
        "  undecided: awg cannot read which of these rules matches first",
        "    allowed by rules.0 (backup), leaves by eth0 in clear",
        "    allowed by rules.2 (browser), leaves through tunnel office (no handshake yet)",
        "    allowed by default, leaves through tunnel office (no handshake yet)",
      ]);
      expect(explanationDocument(explained)).toMatchObject({
        agree: true,
        undecided: { possible: [{ declared: { path: "direct" } }, {}, {}] },
      });
      expect(await exitOf("--pid", "30", "198.51.100.7:443")).toBe(EXIT.verification);
      expect(await exitOf("30", "198.51.100.7:443")).toBe(EXIT.verification);
      expect(await exitOf("/opt/awg-test/other", "198.51.100.7:443")).toBe(EXIT.verification);
      expect(await exitOf("20", "198.51.100.7:443")).toBe(EXIT.success);
      await expect(exitOf("office", "198.51.100.7:443")).rejects.toMatchObject({
        kind: "usage",
        remedy: "name the program with --pid 1234 or --app office",
      });
    });

    test("where all rules that may match give one path, that is the path", async () => {
      orphan("/opt/awg-test/backup");
      expect(await ask({ pid: 30 })).toMatchObject({ declared: { reason: "S4.4 rules/0 (backup)" }, notes: [] });
      const mirror =
        "rules:\n  - { name: mirror, destinations: [198.51.100.0/24], apps: [{ path: /opt/awg-test/other }], via: block }";
      await withSession(async (session) => {
        const text = CONFIG().replace("rules:", mirror);
        const planned = await session.plan(await session.load([{ name: "c.yaml", text }]));
        await session.apply(planned, { onEvent: () => undefined, shouldStop: () => undefined });
      });
      tamper((state) => {
        state.processes = [{ pid: 30, uid: 1000, path: "/opt/awg-test/other", parentPid: 29 }];
      });
      const explained = await ask({ pid: 30 });
      expect(explained).toMatchObject({ declared: { path: "block", reason: "S4.4 rules/0 (mirror)" }, notes: [] });
      expect(explained.undecided).toBeUndefined();
      expect(await exitOf("--pid", "30", "198.51.100.7:443")).toBe(EXIT.success);
    });
  });

  test("law 9: two processes that rules treat differently have no common path", async () => {
    tamper((state) => {
      state.processes.push({ pid: 21, uid: 1000, path: "/opt/awg-test/other/backup" });
    });
    const { undecided } = await ask({ app: "backup" });
    expect(undecided).toMatchObject({
      why: "rules treat these processes differently; name one with --pid",
      paths: [{ declared: { path: "direct" } }, { declared: { path: "awg-office" } }],
    });
  });

  test("without a program it is one that no rule names, not one without a class", async () => {
    const explained = await ask(undefined);
    expect(explained.declared).toMatchObject({ path: "awg-office", reason: "S4.7 default" });
    expect(explained.declared.socketClass?.meaning).toBe("a program that no rule names");
    expect(explained.notes).toContain(
      "explained for any program of this user that no rule names; name one with --pid or --app",
    );
  });

  test("law 9: without the kernel's classifier the two sides differ", async () => {
    tamper((state) => {
      state.classifiers = [];
    });
    const explained = await ask({ pid: 20 });
    expect(explained.declared.path).toBe("direct");
    expect(explained.live).toMatchObject({ path: "block", verdict: "drop", socketClass: { number: 0 } });
    expect(explained.disagreements[0]).toBe("the classifier is not attached: new sockets get no class");
    expect(explanationDocument(explained)).toMatchObject({ agree: false, live: { class: { number: 0 } } });
  });

  const faults: readonly (readonly [string, (state: MachineState) => void, string])[] = [
    [
      "gone",
      (state) => {
        state.classifiers = [];
      },
      "the classifier is not attached: new sockets get no class",
    ],
    [
      "gone from some hooks",
      (state) => {
        state.classifiers = state.classifiers.map((one) => ({ ...one, missing: ["connect4", "sendmsg4"] }));
      },
      "the classifier is not attached at connect4, sendmsg4",
    ],
    [
      "loaded for another file",
      (state) => {
        state.classifiers = state.classifiers.map((one) => ({ ...one, replaced: ["/opt/awg-test/backup"] }));
      },
      "/opt/awg-test/backup is another file or folder than when the classifier was loaded",
    ],
    [
      "another one",
      (state) => {
        state.classifiers = state.classifiers.map((one) =>
          one.spec === undefined ? one : { ...one, spec: { ...one.spec, conditions: one.spec.conditions.slice(1) } },
        );
      },
      "the classifier decides by other conditions than the accepted rules",
    ],
  ];
  test.each(faults)(
    "law 9: where the classifier is %s, verify finds it, and ps calls no such rule enforced",
    async (_, change, fault) => {
      const verify = () => withSession((session) => session.verify());
      expect((await verify()).findings).toEqual([]);
      tamper(change);
      const found = (await verify()).findings.map(({ kind, message }) => `${kind}: ${message}`);
      const rules = "rules.0 (backup), rules.1 (games), rules.2 (browser) and 2 more rules";
      expect(found).toEqual([`misroute: ${fault}; ${rules} may not match new sockets; run awg apply`]);
      const report = await withSession((session) => session.programs());
      const backup = report.programs.find(({ program }) => program.pid === 20);
      expect(backup?.rule).toMatchObject({ origin: "rules/0 (backup)", enforcement: "unsupported", reason: fault });
      const text = renderPrograms(report, styleFor(false), 80);
      expect(text.replace(/\s+/g, " ")).toContain(`not enforced: ${fault}`);
    },
  );

  test("for people, with --trace: class, fallback, limit and DNS", async () => {
    const text = renderTrace(await ask({ app: "/opt/awg-test/browser" }), styleFor(false));
    expect(text).toMatch(/^ {2}class {8}\d+ \(file \/opt\/awg-test\/browser with children\)$/m);
    expect(text).toMatch(/^ {2}fallback {5}direct$/m);
    expect(text).toMatch(/^ {2}limit {8}at most 16mbit received$/m);
    expect(text).toMatch(/^ {2}dns {10}10\.8\.0\.1 by awg-office$/m);
    expect(text).toMatch(/^ {2}program {6}- {2}\/opt\/awg-test\/browser/m);
  });
});

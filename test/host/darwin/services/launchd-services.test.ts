import { existsSync, mkdirSync, readFileSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import { isDisabled, parseJobState } from "../../../../src/host/darwin/services/launchctl-print.ts";
import { launchdServices } from "../../../../src/host/darwin/services/launchd-services.ts";
import { SERVICE_MARK } from "../../../../src/model/ownership.ts";
import { LAUNCHD, type ServiceSpec } from "../../../../src/model/resources/service.ts";
import { temporaryFolder } from "../../../support/folder.ts";
import { macBook } from "../fake/machine.ts";
import type { FakeLaunchd } from "../fake/programs/fake-launchd.ts";
import { FakePrograms } from "../fake/programs/fake-programs.ts";

const PATH = `${LAUNCHD.daemons}/${LAUNCHD.daemon}.plist`;
const PLACE = { name: LAUNCHD.daemon, path: PATH };
const TARGET = `system/${LAUNCHD.daemon}`;
const OWN_UID = process.getuid?.() ?? 0;

let root: string;
let launchd: FakeLaunchd;
let programs: FakePrograms;
let waitedMs: number;

function spec(more = "", place: Pick<ServiceSpec, "name" | "path"> = PLACE, around = "x"): ServiceSpec {
  const label = `<key>Label</key><string>${place.name}</string><key>RunAtLoad</key><true/>`;
  const definition = `<?xml version="1.0"?>\n<!-- ${SERVICE_MARK} -->\n<${around}><dict>${label}${more}</dict></${around}>\n`;
  return { ...place, definition, keepRunning: true };
}

/** One that runs this command line. */
function running(words: readonly string[], place: Pick<ServiceSpec, "name" | "path"> = PLACE): ServiceSpec {
  const list = words.map((word) => `<string>${word}</string>`).join("");
  return spec(`<key>ProgramArguments</key><array>${list}</array>`, place, "plist");
}

function services(ownPid = 1) {
  return launchdServices({
    run: programs.run,
    sleep: async (ms) => {
      waitedMs += ms;
    },
    program: ["/opt/node", "/opt/awg.cjs"],
    runDir: "/var/run/awg",
    root,
    ownPid,
  });
}

beforeEach(() => {
  root = temporaryFolder("t-launchd");
  const machine = macBook();
  launchd = machine.launchd;
  programs = new FakePrograms(machine);
  waitedMs = 0;
});

describe("services by launchd (launchd is the double of the whole Mac; its texts are constructed)", () => {
  test("written, loaded and running; a second time nothing is asked", async () => {
    await services().ensure(spec());
    expect(launchd.changes).toEqual([`bootstrap system ${join(root, PATH)}`]);
    expect(await services().read(PLACE)).toMatchObject({ loaded: true, running: true, pid: 701, ownedByAwg: true });
    launchd.changes.length = 0;
    await services().ensure(spec());
    expect(launchd.changes).toEqual([]);
  });

  test("another text: unloaded, waited for, loaded again; what is loaded is what the file says", async () => {
    await services().ensure(spec());
    launchd.looksToEnd = 4;
    launchd.changes.length = 0;
    await services().ensure(spec("<new/>"));
    expect(launchd.changes).toEqual([`bootout ${TARGET}`, `bootstrap system ${join(root, PATH)}`]);
    expect(waitedMs).toBeGreaterThanOrEqual(1500);
    expect(launchd.jobs.get(TARGET)?.text).toBe(spec("<new/>").definition);
  });

  test("written as root's own, which no other user may write: launchd takes no other", async () => {
    await services().ensure(spec());
    const { uid, gid, mode } = statSync(join(root, PATH));
    const own = OWN_UID === 0 ? [0, 0] : [OWN_UID, process.getgid?.()];
    expect([uid, gid, mode & 0o777]).toEqual([...own, 0o644]);
  });

  test("one that ends just before launchd would kill it is waited for; one that never ends is an error", async () => {
    await services().ensure(spec());
    launchd.looksToEnd = 45;
    await services().ensure(spec("<new/>"));
    expect(launchd.jobs.get(TARGET)?.text).toBe(spec("<new/>").definition);
    launchd.looksToEnd = Number.POSITIVE_INFINITY;
    waitedMs = 0;
    await expect(services().remove(PLACE)).rejects.toThrow(`launchctl bootout ${TARGET} failed with 36`);
    expect(waitedMs).toBeGreaterThanOrEqual(25_000);
  });

  test("a keeper that runs is not ended for a new text: every utun would go with it", async () => {
    const keeper = { name: LAUNCHD.keeper, path: `${LAUNCHD.daemons}/${LAUNCHD.keeper}.plist` };
    await services().ensure(spec("", keeper));
    launchd.changes.length = 0;
    await services().ensure(spec("<new/>", keeper));
    expect(launchd.changes).toEqual([]);
    expect(await services().read(keeper)).toMatchObject({
      definition: spec("<new/>", keeper).definition,
      running: true,
    });
    await services().remove(keeper);
    expect(launchd.changes).toEqual([`bootout system/${LAUNCHD.keeper}`]);
  });

  test("a job that was loaded from an older plist is outdated, and is loaded again; then nothing is left to do", async () => {
    const [older, newer] = [
      running(["/opt/awg", "daemon"]),
      running(["/opt/awg", "daemon", "--notify", "a &lt;b&gt;"]),
    ];
    await services().ensure(older);
    expect(await services().read(PLACE)).toMatchObject({ outdated: false });
    writeFileSync(join(root, PATH), newer.definition);
    expect(await services().read(PLACE)).toMatchObject({ definition: newer.definition, running: true, outdated: true });
    launchd.changes.length = 0;
    await services().ensure(newer);
    expect(launchd.changes).toEqual([`bootout ${TARGET}`, `bootstrap system ${join(root, PATH)}`]);
    expect(await services().read(PLACE)).toMatchObject({ outdated: false, pid: 702 });
  });

  test("a restart by a newer plist unloads: launchd would start again what it loaded", async () => {
    await services().ensure(running(["/opt/awg", "daemon"]));
    writeFileSync(join(root, PATH), running(["/opt/awg", "other"]).definition);
    launchd.changes.length = 0;
    await services().control(PLACE, "restart");
    expect(launchd.changes).toEqual([`bootout ${TARGET}`, `bootstrap system ${join(root, PATH)}`]);
    await services().control(PLACE, "restart");
    expect(launchd.changes.at(-1)).toBe(`kickstart -k ${TARGET}`);
  });

  test("what is not ended for its new text says that it awaits its restart, and is no difference to put right", async () => {
    const keeper = { name: LAUNCHD.keeper, path: `${LAUNCHD.daemons}/${LAUNCHD.keeper}.plist` };
    for (const [place, ownPid] of [[keeper, 1] as const, [PLACE, 702] as const]) {
      await services(ownPid).ensure(running(["/opt/awg", "old"], place));
      await services(ownPid).ensure(running(["/opt/awg", "new"], place));
      expect(await services(ownPid).read(place)).toMatchObject({ running: true, outdated: false, awaitsRestart: true });
    }
    expect(await services().read(PLACE)).toMatchObject({ outdated: true });
    expect(launchd.changes.filter((change) => change.startsWith("bootout"))).toEqual([]);
  });

  test("what launchd may print otherwise than it is written is held for current, as is a job without words", async () => {
    await services().ensure(running(["/opt/ä/awg", "old"]));
    writeFileSync(join(root, PATH), running(["/opt/ä/awg", "new"]).definition);
    expect(await services().read(PLACE)).toMatchObject({ outdated: false });
    writeFileSync(join(root, PATH), spec().definition);
    expect(await services().read(PLACE)).toMatchObject({ outdated: false });
  });

  test.each([
    ["one that was ended", -1, "", "host", "did not end in time"],
    ["an answer nobody knows", 64, "Unrecognized target specifier.\n", "host", "launchctl error 64"],
    ["a refusal", 1, "Operation not permitted\n", "permission", ""],
    ["System Integrity Protection", 150, "Operation not permitted\n", "unsupported", "launchctl error 150"],
  ])(
    "a look that fails is an error, never a service that is not loaded: %s",
    async (_name, status, stderr, kind, remedy) => {
      await services().ensure(spec());
      launchd.changes.length = 0;
      launchd.looksFail = { status, stderr };
      for (const look of [
        () => services().read(PLACE),
        () => services().ensure(spec("<new/>")),
        () => services().remove(PLACE),
        () => services().readAutostart({ service: LAUNCHD.daemon }),
      ]) {
        await expect(look()).rejects.toMatchObject({
          kind,
          facts: { status },
          remedy: expect.stringContaining(remedy),
        });
      }
      expect(launchd.changes).toEqual([]);
      expect(readFileSync(join(root, PATH), "utf8")).toBe(spec().definition);
    },
  );

  test.each([113, 3])("%i is how launchctl says that it has no such job", async (status) => {
    launchd.looksFail = { status, stderr: "Could not find service\n" };
    expect(await services().read(PLACE)).toMatchObject({ loaded: false, running: false });
  });

  test("bootstrap right after bootout fails with 5 and is tried again", async () => {
    launchd.spuriousFailures = 2;
    await services().ensure(spec());
    expect(launchd.changes).toHaveLength(3);
    expect(waitedMs).toBe(3000);
  });

  test("what never loads is an error with launchd's code, after four tries", async () => {
    launchd.spuriousFailures = 99;
    const failed = services().ensure(spec());
    await expect(failed).rejects.toMatchObject({ kind: "host", facts: { status: 5 } });
    await expect(failed).rejects.toThrow(`launchctl bootstrap ${TARGET} failed with 5: Bootstrap failed`);
    expect(launchd.changes).toHaveLength(4);
  });

  test("one that is switched off is loaded all the same, and stays switched off for the next boot", async () => {
    await services().ensureAutostart({ service: LAUNCHD.daemon, enabled: false });
    await services().ensure(spec());
    expect(await services().read(PLACE)).toMatchObject({ running: true });
    expect(await services().readAutostart({ service: LAUNCHD.daemon })).toEqual({
      service: LAUNCHD.daemon,
      enabled: false,
    });
  });

  test("removed: unloaded, file gone, no override left; already gone is success", async () => {
    await services().ensure(spec());
    await services().ensureAutostart({ service: LAUNCHD.daemon, enabled: false });
    await services().remove(PLACE);
    expect([launchd.jobs.size, launchd.disabled.size, existsSync(join(root, PATH))]).toEqual([0, 0, false]);
    await services().remove(PLACE);
  });

  test("what runs this very process is not unloaded by it", async () => {
    await services().ensure(spec());
    launchd.changes.length = 0;
    await services(701).ensure(spec("<new/>"));
    await services(701).remove(PLACE);
    expect(launchd.changes).toEqual([]);
    expect(existsSync(join(root, PATH))).toBe(false);
  });

  test("stop unloads, start loads, restart starts again", async () => {
    await services().ensure(spec());
    await services().control(PLACE, "restart");
    expect(launchd.changes.at(-1)).toBe(`kickstart -k ${TARGET}`);
    await services().control(PLACE, "stop");
    expect(await services().read(PLACE)).toMatchObject({ loaded: false, running: false });
    await services().control(PLACE, "start");
    expect(await services().read(PLACE)).toMatchObject({ loaded: true, running: true });
  });
});

test("what is run is the program under its own name, where it is installed", async () => {
  expect(await services().readManager()).toMatchObject({ program: ["/opt/node", "/opt/awg.cjs"] });
  mkdirSync(join(root, LAUNCHD.program), { recursive: true });
  expect(await services().readManager()).toMatchObject({
    program: ["/usr/local/bin/awg-split-tunnel"],
    configFile: "/etc/awg-split-tunnel/config.yaml",
  });
});

test("a script under that name that looks for node by PATH is given the node that runs us: launchd would find none", async () => {
  mkdirSync(join(root, LAUNCHD.program, ".."), { recursive: true });
  writeFileSync(join(root, LAUNCHD.program), "#!/bin/sh\n");
  expect(await services().readManager()).toMatchObject({ program: ["/opt/node", LAUNCHD.program] });
  writeFileSync(join(root, LAUNCHD.program), "\xcf\xfa\xed\xfe");
  expect(await services().readManager()).toMatchObject({ program: [LAUNCHD.program] });
});

describe("the agent of who sits at the screen", () => {
  const home = "/Users/alice";
  const path = `${home}/Library/LaunchAgents/${LAUNCHD.gui}.plist`;
  const agent = { name: LAUNCHD.gui, path, uid: OWN_UID };

  test("is wanted where the app and a user are", async () => {
    expect(await services().readManager()).not.toHaveProperty("agent");
    mkdirSync(join(root, LAUNCHD.window), { recursive: true });
    mkdirSync(join(root, path, ".."), { recursive: true });
    writeFileSync(join(root, path), "");
    const manager = await services().readManager();
    if (OWN_UID === 0) expect(manager).not.toHaveProperty("agent");
    else expect(manager).toMatchObject({ agent: { uid: OWN_UID, home } });
  });

  test("without a session it is written, and counts as loaded: launchd does so at login", async () => {
    await services().ensure({ ...spec("", agent), uid: OWN_UID, keepRunning: false });
    expect(existsSync(join(root, path))).toBe(true);
    expect(await services().read(agent)).toMatchObject({ loaded: true, running: false });
    expect(launchd.changes).toEqual([`bootstrap gui/${OWN_UID} ${join(root, path)}`]);
  });

  test.each([
    [112, "Bad request.\nCould not find domain for user gui: 501\n"],
    [112, "Bad request.\n"],
    [125, "Domain does not support specified action\n"],
  ])("%i is how launchctl says that its user is not logged in", async (status, stderr) => {
    await services().ensure({ ...spec("", agent), uid: OWN_UID, keepRunning: false });
    launchd.looksFail = { status, stderr };
    expect(await services().read(agent)).toMatchObject({ loaded: true, running: false });
  });

  test.skipIf(OWN_UID !== 0)(
    "a folder for agents that was not there is its user's, not root's (needs root)",
    async () => {
      mkdirSync(join(root, home, "Library"), { recursive: true });
      await services().ensure({ ...spec("", agent), uid: 501, keepRunning: false });
      const owners = [join(root, path), join(root, path, "..")]
        .map((one) => statSync(one))
        .map(({ uid, gid }) => [uid, gid]);
      expect(owners).toEqual([
        [501, 20],
        [501, 20],
      ]);
    },
  );

  test.each(["Library", "Library/LaunchAgents"])("%s is not followed where it is a link", async (name) => {
    mkdirSync(join(root, home, name, ".."), { recursive: true });
    mkdirSync(join(root, "elsewhere/LaunchAgents"), { recursive: true });
    symlinkSync(join(root, "elsewhere"), join(root, home, name));
    await expect(services().ensure({ ...spec("", agent), uid: OWN_UID })).rejects.toMatchObject({ kind: "conflict" });
    for (const folder of ["elsewhere", "elsewhere/LaunchAgents"]) {
      expect(existsSync(join(root, folder, `${LAUNCHD.gui}.plist`))).toBe(false);
    }
  });
});

describe("what launchctl prints", () => {
  test.each([
    [
      "running",
      "\tstate = running\n\tpid = 12\n\tlast exit code = (never exited)\n",
      { running: true, pid: 12, lastExit: undefined },
    ],
    [
      "its words",
      "\tprogram = /a b/awg\n\targuments = {\n\t\t/a b/awg\n\t\t\n\t\t} = {\n\t}\n\n\tinherited environment = {\n\t\tA => b\n\t}\n",
      { running: false, pid: undefined, lastExit: undefined, words: ["/a b/awg", "", "} = {"] },
    ],
    [
      "ended",
      "\tstate = not running\n\tlast exit code = 78: EX_CONFIG\n",
      { running: false, pid: undefined, lastExit: "exit code 78" },
    ],
    [
      "killed",
      "\tstate = spawn scheduled\n\tlast terminating signal = Killed: 9\n",
      { running: false, pid: undefined, lastExit: "signal Killed: 9" },
    ],
    [
      "nested lines are not its own",
      "\tendpoints = {\n\t\tstate = running\n\t\tpid = 3\n\t}\n",
      { running: false, pid: undefined, lastExit: undefined },
    ],
    ["nothing", "", { running: false, pid: undefined, lastExit: undefined }],
  ])("a job: %s", (_name, text, state) => {
    expect(parseJobState(`system/x = {\n${text}}\n`)).toEqual({ words: undefined, ...state });
  });

  test("what is switched off, in the words of new and old systems", () => {
    const text = '\t"com.a" => disabled\n\t"com.b" => enabled\n\t"com.c" => true\n\t"com.d" => false\n';
    expect(["com.a", "com.b", "com.c", "com.d", "com.e"].map((label) => isDisabled(text, label))).toEqual([
      true,
      false,
      true,
      false,
      false,
    ]);
  });
});

import { chownSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import type { Command, CommandResult } from "../../../../src/host/darwin/command.ts";
import { parseHelperAnswer } from "../../../../src/host/darwin/system-extension/extension-helper.ts";
import { parseExtensionList } from "../../../../src/host/darwin/system-extension/extension-list.ts";
import { darwinSystemExtensions } from "../../../../src/host/darwin/system-extension/system-extensions.ts";
import { decideReplacement } from "../../../../src/model/resources/extension-replacement.ts";
import { LAUNCHD } from "../../../../src/model/resources/service.ts";
import { temporaryFolder } from "../../../support/folder.ts";

const BUNDLE = "com.example.app.System";
const OLD_HEADER = "--- com.apple.system_extension.network_extension\n";
const NEW_HEADER =
  "--- com.apple.system_extension.network_extension (Go to 'System Settings > General > Login Items & Extensions > Network Extensions' to modify these system extension(s))\n";
const COLUMNS = "enabled\tactive\tteamID\tbundleID (version)\tname\t[state]\n";

/** Lines in the form that darwin-notes.md section 8 gives; constructed. */
function listed(state: string, version = "1.2/34", header = NEW_HEADER): string {
  return `1 extension(s)\n${header}${COLUMNS}*\t*\tABCDE12345\t${BUNDLE} (${version})\tExample\t[${state}]\n`;
}

/** Who sits at the screen. */
const PERSON = process.getuid?.() === 0 ? 501 : (process.getuid?.() ?? 501);

let root: string;
let list: string;
let listFailures: number;
let answers: string[];
let asked: Command[];
let waited: number[];

const run = async (command: Command): Promise<CommandResult> => {
  if (command.path === "/usr/bin/systemextensionsctl") {
    if (command.args.join() !== "list") throw new Error("systemextensionsctl is only ever asked for the list");
    return listFailures-- > 0 ? { status: 1, stdout: "", stderr: "busy\n" } : { status: 0, stdout: list, stderr: "" };
  }
  const helper = join(root, LAUNCHD.extensionHelper);
  const asUser = ["asuser", String(PERSON), "/usr/bin/sudo", "-n", "-H", "-u", `#${PERSON}`, "--", helper];
  expect([command.path, ...command.args], "who runs the helper").toEqual(["/bin/launchctl", ...asUser]);
  asked.push(command);
  return { status: 0, stdout: answers.shift() ?? "", stderr: "" };
};

function extensions(isAttended = false) {
  const sleep = async (ms: number) => void waited.push(ms);
  return darwinSystemExtensions({ run, sleep, root, isAttended });
}

function bundled(version = "34", short = "1.2"): string {
  return `${JSON.stringify({ event: "bundled", bundleIdentifier: BUNDLE, bundleVersion: version, bundleShortVersion: short })}\n`;
}

function requests(): unknown[] {
  return asked.map(({ input }) => (JSON.parse(input ?? "") as { readonly request: string }).request);
}

beforeEach(() => {
  root = temporaryFolder("t-extension");
  const helper = join(root, LAUNCHD.extensionHelper);
  mkdirSync(dirname(helper), { recursive: true });
  writeFileSync(helper, "");
  mkdirSync(join(root, "dev"));
  writeFileSync(join(root, "dev/console"), "");
  if (process.getuid?.() === 0) chownSync(join(root, "dev/console"), PERSON, 20);
  [list, listFailures, answers, asked, waited] = ["", 0, [], [], []];
});

describe("the list of system extensions (constructed)", () => {
  test.each([
    ["activated enabled", "enabled"],
    ["activated waiting for user", "awaiting-approval"],
    ["activated disabled", "disabled"],
    ["terminated waiting to uninstall on reboot", "uninstalling"],
    ["terminated for disable", "disabled"],
    ["terminating_for_disable", "disabled"],
    ["terminating for uninstall", "uninstalling"],
    ["activated waiting to upgrade on reboot", "after-reboot"],
    ["validating by category", "unknown"],
  ])("%s", async (words, state) => {
    for (const header of [OLD_HEADER, NEW_HEADER, ""]) {
      list = listed(words, "1.2/34", header);
      expect(await extensions().read(BUNDLE)).toMatchObject({
        state,
        versions: [{ bundleVersion: "34", bundleShortVersion: "1.2", state }],
      });
    }
  });

  test("none, another one, lines that are none, a list that is cut off", async () => {
    for (const text of ["", "0 extension(s)\n", listed("activated enabled").replace(BUNDLE, "com.other"), "*\t*\tA"]) {
      list = text;
      expect(await extensions().read(BUNDLE)).toEqual({ bundle: BUNDLE, state: "not-installed", versions: [] });
    }
  });

  test("of an old version that leaves and a new one, the one that serves counts", async () => {
    list = `${listed("terminated waiting to uninstall on reboot", "1.1/33")}${listed("activated enabled")}`;
    expect(await extensions().read(BUNDLE)).toMatchObject({ state: "enabled", versions: [{}, {}] });
    expect(parseExtensionList(list).map(({ isUninstalling }) => isUninstalling)).toEqual([true, false]);
  });

  test("three tries one second apart where the list is busy", async () => {
    listFailures = 2;
    expect((await extensions().read(BUNDLE)).state).toBe("not-installed");
    expect(waited).toEqual([1000, 1000]);
    listFailures = 3;
    await expect(extensions().read(BUNDLE)).rejects.toMatchObject({ kind: "host" });
  });
});

describe("whether one version takes the place of another", () => {
  const existing = { ...parseExtensionList(listed("activated enabled"))[0], bundleIdentifier: BUNDLE };
  const waiting = { ...parseExtensionList(listed("activated waiting for user"))[0], bundleIdentifier: BUNDLE };
  const same = { bundleIdentifier: BUNDLE, bundleVersion: "34", bundleShortVersion: "1.2" };
  type Row = [string, typeof existing, Partial<typeof same>, boolean, boolean, string];
  test.each<Row>([
    ["forced", existing, {}, true, true, "replace"],
    ["waiting, with somebody there", waiting, {}, false, false, "replace"],
    ["waiting, with nobody there", waiting, {}, false, true, "cancel"],
    ["the same", existing, {}, false, false, "cancel"],
    ["another build", existing, { bundleVersion: "35" }, false, false, "replace"],
    ["another short version", existing, { bundleShortVersion: "1.3" }, false, true, "replace"],
    ["another bundle", existing, { bundleIdentifier: "com.other" }, false, true, "replace"],
  ])("%s", (_name, standing, over, forceUpdate, inBackground, decision) => {
    const options = { forceUpdate, inBackground };
    expect(decideReplacement(standing as never, { ...same, ...over }, options)).toBe(decision);
  });
});

describe("what the app carries", () => {
  test("is read where it could replace something, once for each file of the helper", async () => {
    const port = extensions(true);
    expect(await port.read(BUNDLE)).not.toHaveProperty("replacement");
    list = listed("terminated waiting to uninstall on reboot");
    expect(await port.read(BUNDLE)).not.toHaveProperty("replacement");
    expect(requests()).toEqual([]);
    list = listed("activated enabled");
    answers = [bundled("35")];
    const replacement = { field: "/version", before: "1.2/34", after: "1.2/35" };
    for (let time = 0; time < 3; time++) expect(await port.read(BUNDLE)).toMatchObject({ replacement });
    expect(requests()).toEqual(["describe"]);
    writeFileSync(join(root, LAUNCHD.extensionHelper), "another");
    answers = [bundled("36")];
    expect(await port.read(BUNDLE)).toMatchObject({ replacement: { after: "1.2/36" } });
    expect(requests()).toEqual(["describe", "describe"]);
  });

  test.each([
    ["a helper that fails", '{"event":"failed","code":"extensionNotFound"}'],
    ["a helper that says nothing", ""],
    ["another bundle", bundled().replace(BUNDLE, "com.other")],
  ])("%s leaves it untold, and reading does not fail", async (_what, answer) => {
    list = listed("activated enabled");
    answers = [answer];
    expect(await extensions(true).read(BUNDLE)).toMatchObject({ state: "enabled" });
    expect(await extensions(true).read(BUNDLE)).not.toHaveProperty("replacement");
  });

  test("no user at the screen, or no helper: it is not asked", async () => {
    list = listed("activated enabled");
    rmSync(join(root, "dev/console"));
    expect(await extensions(true).read(BUNDLE)).not.toHaveProperty("replacement");
    writeFileSync(join(root, "dev/console"), "");
    rmSync(join(root, LAUNCHD.extensionHelper));
    expect(await extensions(true).read(BUNDLE)).not.toHaveProperty("replacement");
    expect(requests()).toEqual([]);
  });
});

describe("requests to the app's helper", () => {
  test("forced, or awaiting with a user there, the same version is asked for again; once in a process", async () => {
    list = listed("activated enabled");
    answers = [bundled(), '{"event":"completed"}'];
    expect(await extensions().activate(BUNDLE, { forceUpdate: true })).toBe("completed");
    expect(requests()).toEqual(["describe", "activate"]);
    list = listed("activated waiting for user");
    answers = [bundled(), bundled(), '{"event":"needsUserApproval"}', bundled(), bundled(), bundled()];
    const port = extensions(true);
    expect(await port.read(BUNDLE)).toMatchObject({ replacement: { field: "/approval" } });
    expect(await port.activate(BUNDLE)).toBe("awaitingApproval");
    expect((await port.read(BUNDLE)).replacement, "asked once").toBeNull();
    for (const forceUpdate of [false, true])
      expect(await port.activate(BUNDLE, { forceUpdate })).toBe("awaitingApproval");
    expect(requests().filter((request) => request === "activate")).toHaveLength(2);
    answers = [bundled()];
    expect(await extensions().activate(BUNDLE)).toBe("awaitingApproval");
    expect(requests().filter((request) => request === "activate")).toHaveLength(2);
  });

  test("the same version is not asked for again", async () => {
    list = listed("activated enabled");
    answers = [bundled()];
    expect(await extensions().activate(BUNDLE)).toBe("completed");
    expect(requests()).toEqual(["describe"]);
  });

  test.each([
    ["completed", "completed"],
    ["willCompleteAfterReboot", "willCompleteAfterReboot"],
    ["needsUserApproval", "awaitingApproval"],
  ])("%s", async (event, result) => {
    answers = [bundled(), `starting\n${JSON.stringify({ event })}\n`];
    expect(await extensions().activate(BUNDLE)).toBe(result);
    expect(requests()).toEqual(["describe", "activate"]);
  });

  test("a cancelled request is made three times, one second apart", async () => {
    const cancelled = '{"event":"failed","code":"requestCanceled"}';
    answers = [bundled(), cancelled, cancelled, '{"event":"completed"}'];
    expect(await extensions().activate(BUNDLE)).toBe("completed");
    expect(waited).toEqual([1000, 1000]);
    answers = [bundled(), cancelled, cancelled, cancelled];
    await expect(extensions().activate(BUNDLE)).rejects.toMatchObject({ remedy: "try again" });
  });

  test.each([
    ["authorizationRequired", "permission", /password/],
    ["extensionNotFound", "unsupported", /install the app again/],
    ["extensionMissingIdentifier", "host", /developer/],
    ["unknown", "host", /system log/],
    ["somethingNew", "host", /system log/],
  ])("%s tells a person what to do, and is not tried again", async (code, kind, remedy) => {
    answers = [bundled(), JSON.stringify({ event: "failed", code, message: "no\u001b[2J" })];
    const failed = extensions().activate(BUNDLE);
    await expect(failed).rejects.toMatchObject({ kind, remedy: expect.stringMatching(remedy) });
    await expect(failed).rejects.not.toThrow("\u001b");
    expect(waited).toEqual([]);
  });

  test("one that leaves already, or is not there, is not asked to leave", async () => {
    list = listed("terminated waiting to uninstall on reboot");
    expect(await extensions().deactivate(BUNDLE)).toBe("completed");
    list = listed("activated enabled");
    answers = ['{"event":"willCompleteAfterReboot"}'];
    expect(await extensions().deactivate(BUNDLE)).toBe("willCompleteAfterReboot");
    expect(requests()).toEqual(["deactivate"]);
  });

  test("while no user sits at the screen nothing is asked: root never runs the app's file", async () => {
    rmSync(join(root, "dev/console"));
    await expect(extensions().activate(BUNDLE)).rejects.toMatchObject({
      kind: "unsupported",
      remedy: expect.stringContaining("log in"),
    });
    expect(asked).toEqual([]);
  });

  test("without the app there is none to be had", async () => {
    expect(await extensions().readSupport()).toBeUndefined();
    rmSync(join(root, LAUNCHD.extensionHelper));
    expect(await extensions().readSupport()).toContain("is not installed");
    await expect(extensions().activate(BUNDLE)).rejects.toMatchObject({ kind: "unsupported" });
  });

  test("whatever the helper prints is read without an error", () => {
    for (const text of ["", "{", "null", "[]", '{"event":7}', '{"event":"later"}\n\n']) {
      expect(parseHelperAnswer(text)).toBeUndefined();
    }
    expect(parseHelperAnswer('{"event":"completed"}\nnoise')).toEqual({ event: "completed" });
  });
});

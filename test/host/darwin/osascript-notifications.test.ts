import { chownSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import type { Command } from "../../../src/host/darwin/command.ts";
import { osascriptNotifications } from "../../../src/host/darwin/osascript-notifications.ts";
import { temporaryFolder } from "../../support/folder.ts";

const HOSTILE = { title: "-e", text: 'do shell script "reboot"\u001b[2J' };

let root: string;
let runs: Command[];
const run = async (command: Command) => {
  runs.push(command);
  return { status: 1, stdout: "", stderr: "" };
};

beforeEach(() => {
  root = temporaryFolder("t-osascript");
  runs = [];
});

function sitDown(): number {
  mkdirSync(join(root, "dev"));
  writeFileSync(join(root, "dev/console"), "");
  const own = process.getuid?.() ?? 0;
  if (own === 0) chownSync(join(root, "dev/console"), 501, 20);
  return own === 0 ? 501 : own;
}

test("texts are arguments of the script, never part of it", async () => {
  const uid = sitDown();
  await osascriptNotifications(run, root)(HOSTILE);
  const [command] = runs;
  expect(command?.path).toBe("/bin/launchctl");
  const asUser = ["/usr/bin/sudo", "-n", "-H", "-u", `#${uid}`, "--"];
  expect(command?.args.slice(0, 9)).toEqual(["asuser", String(uid), ...asUser, "/usr/bin/osascript"]);
  const words = command?.args.slice(9) ?? [];
  const script = words.slice(0, words.indexOf("--")).join("\n");
  expect(script).toContain("display notification (item 2 of argv) with title (item 1 of argv)");
  expect(script).not.toContain("reboot");
  expect(words.slice(words.indexOf("--") + 1)).toEqual(["-e", expect.stringContaining("do shell script")]);
  expect(words.join("")).not.toContain("\u001b");
});

test("without a user at the screen nothing is run", async () => {
  await osascriptNotifications(run, root)(HOSTILE);
  expect(runs).toEqual([]);
});

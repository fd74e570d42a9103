import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, expect, test } from "vitest";
import { desktopNotifications } from "../../../src/host/linux/desktop-notifications.ts";
import { temporaryFolder } from "../../support/folder.ts";

const HOSTILE = { title: "--help", text: "$(reboot) `reboot`\n\u001b[2J" };

let root: string;
let runs: unknown[];
const run = async (...all: unknown[]) => void runs.push(all);

beforeEach(() => {
  root = temporaryFolder("t-notify");
  runs = [];
});

function install(): void {
  mkdirSync(join(root, "usr/bin"), { recursive: true });
  writeFileSync(join(root, "usr/bin/notify-send"), "");
}

test("every session with a bus of its own user is notified, as that user, with the text as an argument", async () => {
  install();
  const uid = process.getuid?.() ?? 0;
  for (const name of [String(uid), "4294967", "0", "not-a-user"]) {
    mkdirSync(join(root, "run/user", name), { recursive: true });
    writeFileSync(join(root, "run/user", name, "bus"), "");
  }
  await desktopNotifications(root, run)(HOSTILE);
  const sessions = runs.map((one) => (one as [{ uid: number }, string, string[]])[0].uid);
  expect(sessions).toEqual(uid === 0 ? [] : [uid]);
  for (const [, path, args] of runs as [unknown, string, string[]][]) {
    expect(path).toBe("/usr/bin/notify-send");
    expect(args.slice(2, 4)).toEqual(["--", "--help"]);
    expect(args.join("")).not.toContain("\u001b");
  }
});

test("without notify-send, and without a session, nothing is run", async () => {
  await desktopNotifications(root, run)(HOSTILE);
  install();
  await desktopNotifications(root, run)(HOSTILE);
  expect(runs).toEqual([]);
});

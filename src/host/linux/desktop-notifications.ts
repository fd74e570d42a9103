import { execFile } from "node:child_process";
import { existsSync, readdirSync, statSync } from "node:fs";
import { printableLine } from "../../model/text/printable.ts";
import type { Notification, ShowNotification } from "../ports/host.ts";

const NOTIFY_SEND = "/usr/bin/notify-send";
const LONGEST_MS = 5000;

/** A user with a running session bus, and so possibly a desktop. */
export interface DesktopSession {
  readonly uid: number;
  readonly gid: number;
  /** Folder of the user's sockets: /run/user/<uid>. */
  readonly runtimeDir: string;
}

/** Runs notify-send as the user of the session; tests replace it here. */
export type RunAsUser = (session: DesktopSession, path: string, args: readonly string[]) => Promise<void>;

/**
 * Shows notifications by notify-send in every session that has a bus. Texts follow `--`, so that none is read as an
 * option; no shell is involved.
 *
 * @param root folder used instead of `/`
 */
export function desktopNotifications(root = "", run: RunAsUser = runAsUser): ShowNotification {
  return async ({ title, text }: Notification) => {
    if (!existsSync(`${root}${NOTIFY_SEND}`)) return;
    const args = ["--app-name=awg", "--urgency=critical", "--", printableLine(title), printableLine(text)];
    await Promise.all(desktopSessions(root).map((session) => run(session, NOTIFY_SEND, args)));
  };
}

function desktopSessions(root: string): readonly DesktopSession[] {
  return namesIn(`${root}/run/user`).flatMap((name) => {
    const runtimeDir = `${root}/run/user/${name}`;
    const bus = statSync(`${runtimeDir}/bus`, { throwIfNoEntry: false });
    return bus === undefined || String(bus.uid) !== name ? [] : [{ uid: bus.uid, gid: bus.gid, runtimeDir }];
  });
}

const runAsUser: RunAsUser = ({ uid, gid, runtimeDir }, path, args) =>
  new Promise((done) => {
    const env = {
      PATH: "/usr/bin:/bin",
      LC_ALL: "C.UTF-8",
      XDG_RUNTIME_DIR: runtimeDir,
      DBUS_SESSION_BUS_ADDRESS: `unix:path=${runtimeDir}/bus`,
    };
    // A session may refuse, or have no desktop. Notifications are best effort.
    const child = execFile(path, args, { uid, gid, env, cwd: "/", timeout: LONGEST_MS }, () => done());
    child.stdin?.end();
  });

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder).filter((name) => /^[1-9][0-9]*$/.test(name));
  } catch {
    return [];
  }
}

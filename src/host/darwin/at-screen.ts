import { statSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "./command.ts";

const LAUNCHCTL = "/bin/launchctl";
const SUDO = "/usr/bin/sudo";

/** The user at the screen, the owner of the console; undefined while it shows the login window. */
export function userAtScreen(root: string): number | undefined {
  const uid = statSync(join(root, "/dev/console"), { throwIfNoEntry: false })?.uid ?? 0;
  return uid === 0 ? undefined : uid;
}

/**
 * Runs a program in a user's session as that user: `launchctl asuser` changes the session only, so without sudo the
 * program, which may be the user's own file, would run as root.
 */
export function commandAtScreen(uid: number, path: string, args: readonly string[]): Pick<Command, "path" | "args"> {
  return { path: LAUNCHCTL, args: ["asuser", String(uid), SUDO, "-n", "-H", "-u", `#${uid}`, "--", path, ...args] };
}

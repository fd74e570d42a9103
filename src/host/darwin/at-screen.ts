import { statSync } from "node:fs";
import { join } from "node:path";
import type { Command } from "./command.ts";

const LAUNCHCTL = "/bin/launchctl";
const SUDO = "/usr/bin/sudo";

/** The user who sits at the screen, by whom the console belongs to; undefined while it shows the login window. */
export function userAtScreen(root: string): number | undefined {
  const uid = statSync(join(root, "/dev/console"), { throwIfNoEntry: false })?.uid ?? 0;
  return uid === 0 ? undefined : uid;
}

/**
 * A program in the session of a user and as that user: `launchctl asuser` changes the session alone, so that without sudo
 * the program, which may be the user's own file, would run as root.
 */
export function commandAtScreen(uid: number, path: string, args: readonly string[]): Pick<Command, "path" | "args"> {
  return { path: LAUNCHCTL, args: ["asuser", String(uid), SUDO, "-n", "-H", "-u", `#${uid}`, "--", path, ...args] };
}

import { printableLine } from "../../model/text/printable.ts";
import type { Notification, ShowNotification } from "../ports/host.ts";
import { commandAtScreen, userAtScreen } from "./at-screen.ts";
import type { RunCommand } from "./command.ts";

const OSASCRIPT = "/usr/bin/osascript";
const LONGEST_MS = 5000;

/** The texts are arguments of the script, so they are never parsed as AppleScript. */
const SCRIPT = ["on run argv", "display notification (item 2 of argv) with title (item 1 of argv)", "end run"];

/**
 * Shows notifications by osascript in the session of the user at the screen; no user is no failure.
 *
 * @param root folder used instead of `/`
 */
export function osascriptNotifications(run: RunCommand, root = "/"): ShowNotification {
  return async ({ title, text }: Notification) => {
    const uid = userAtScreen(root);
    if (uid === undefined) return;
    const words = [...SCRIPT.flatMap((line) => ["-e", line]), "--", printableLine(title), printableLine(text)];
    await run({ ...commandAtScreen(uid, OSASCRIPT, words), timeoutMs: LONGEST_MS }).catch(() => undefined);
  };
}

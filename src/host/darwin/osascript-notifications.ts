import { printableLine } from "../../model/text/printable.ts";
import type { Notification, ShowNotification } from "../ports/notifications.ts";
import { commandAtScreen, userAtScreen } from "./at-screen.ts";
import type { RunCommand } from "./command.ts";

const OSASCRIPT = "/usr/bin/osascript";
const LONGEST_MS = 5000;

/** The script takes its texts as arguments: nothing of them is ever AppleScript. */
const SCRIPT = ["on run argv", "display notification (item 2 of argv) with title (item 1 of argv)", "end run"];

/**
 * Shows notifications by osascript in the session of who sits at the screen; nobody there is no failure.
 *
 * @param root folder that stands for `/`
 */
export function osascriptNotifications(run: RunCommand, root = "/"): ShowNotification {
  return async ({ title, text }: Notification) => {
    const uid = userAtScreen(root);
    if (uid === undefined) return;
    const words = [...SCRIPT.flatMap((line) => ["-e", line]), "--", printableLine(title), printableLine(text)];
    await run({ ...commandAtScreen(uid, OSASCRIPT, words), timeoutMs: LONGEST_MS }).catch(() => undefined);
  };
}

import type { Command, CommandResult } from "../../../../../src/host/darwin/command.ts";
import { UnfaithfulCall } from "../accepted.ts";

/** What was shown to who sits at the screen. */
export class FakeScreen {
  readonly shown: string[] = [];
  /** The session refuses to show anything. */
  isBroken = false;
}

const SCRIPT = "on run argv\ndisplay notification (item 2 of argv) with title (item 1 of argv)\nend run";

/** /usr/bin/osascript with a script of `-e` lines, `--`, and the script's own words (osascript(1)). */
export function fakeOsascript(screen: FakeScreen, { args }: Command): CommandResult {
  const end = args.indexOf("--");
  const lines = args.slice(0, end).filter((_, at) => at % 2 === 1);
  const areAllLines = args.slice(0, end).every((word, at) => at % 2 === 1 || word === "-e");
  const [title, text, ...more] = args.slice(end + 1);
  if (end < 0 || !areAllLines || lines.join("\n") !== SCRIPT || text === undefined || more.length > 0) {
    throw new UnfaithfulCall("osascript", args.join(" "));
  }
  if (screen.isBroken) return { status: 1, stdout: "", stderr: "execution error: Not authorized (-1743)\n" };
  screen.shown.push(`${title}|${text}`);
  return { status: 0, stdout: "", stderr: "" };
}

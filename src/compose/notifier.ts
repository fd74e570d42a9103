import { NotificationGate } from "../daemon/notification-gate.ts";
import type { DaemonReport } from "../daemon/run-daemon.ts";
import type { ShowNotification } from "../host/ports/notifications.ts";

/** Tells who sits at the screen of this machine what of the daemon's reports is worth a word. Never throws, never waits. */
export async function openNotifier(): Promise<(report: DaemonReport) => void> {
  const show = await showHere();
  const gate = new NotificationGate();
  return (report) => {
    const notification = gate.note(report, Date.now());
    if (notification !== undefined) show(notification).catch(() => undefined);
  };
}

async function showHere(): Promise<ShowNotification> {
  if (process.platform === "darwin") {
    const { runCommand } = await import("../host/darwin/command.ts");
    return (await import("../host/darwin/osascript-notifications.ts")).osascriptNotifications(runCommand);
  }
  return (await import("../host/linux/desktop-notifications.ts")).desktopNotifications();
}

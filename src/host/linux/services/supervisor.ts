import { sendDatagram } from "../../../native/linux/process/notify-socket.ffi.ts";

/**
 * systemd as the daemon's supervisor, if it asked for reports (sd_notify(3), sd_watchdog_enabled(3)). Takes its variables
 * out of the environment: a child that reported would be mistaken for the daemon.
 */
export function takeSupervisor(environment: NodeJS.ProcessEnv) {
  const { NOTIFY_SOCKET: path, WATCHDOG_USEC: limit, WATCHDOG_PID: watched } = environment;
  for (const name of ["NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"]) delete environment[name];
  if (path === undefined || path === "") return undefined;
  const send = (text: string) => (): void => {
    try {
      sendDatagram(path, text);
    } catch {
      // A manager that does not listen restarts the daemon by itself; the host is kept meanwhile.
    }
  };
  const limitUs = watched === undefined || watched === String(process.pid) ? Number(limit ?? 0) : 0;
  const watchdog = limitUs > 0 ? { everyMs: Math.ceil(limitUs / 3000) } : {};
  return { ready: send("READY=1"), alive: send("WATCHDOG=1"), stopping: send("STOPPING=1"), ...watchdog };
}

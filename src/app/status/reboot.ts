import type { Host } from "../../host/ports/host.ts";
import type { DesiredState } from "../../model/resources/desired-state.ts";
import { LAUNCHD } from "../../model/resources/service.ts";

/** The daemon's service by manager; it applies the accepted state at boot. */
const DAEMON = { systemd: "awg.service", launchd: LAUNCHD.daemon } as const;

/**
 * Whether a reboot removes what is applied: this host runs services, and awg's is not one that starts at boot. False
 * where nothing is applied, no service can run (as in a network namespace, which ends with a reboot itself), or the
 * host is simulated and never reboots.
 */
export async function endsAtReboot(
  { host: { services }, isSimulated }: { readonly host: Pick<Host, "services">; readonly isSimulated: boolean },
  { resources }: DesiredState,
): Promise<boolean> {
  if (isSimulated || services === undefined || resources.length === 0) return false;
  try {
    const { kind } = await services.readManager();
    return kind !== "none" && !(await services.readAutostart({ service: DAEMON[kind] })).enabled;
  } catch {
    return false;
  }
}

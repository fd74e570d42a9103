import type { DesiredState } from "../../model/resource.ts";
import type { SessionParts } from "../parts.ts";
import type { SessionNote } from "../session.ts";

/** What a kill switch makes of PPPoE that this machine itself speaks by these devices (docs/security.md S2.7). Pure. */
export function pppoeRefused(devices: readonly string[]): string {
  return `this machine speaks PPPoE by ${devices.join(", ")}, which the kill switch refuses (S2.7): nothing leaves by an uplink over it, also no tunnel`;
}

/** That, where the desired policy has a kill switch and the kernel judges frames. */
export async function pppoeNotes(
  { pppoeDevices }: Pick<SessionParts, "pppoeDevices">,
  { resources }: Pick<DesiredState, "resources">,
  { egressHook }: { readonly egressHook: boolean },
): Promise<readonly SessionNote[]> {
  const isKilling = resources.some(
    (one) => one.kind === "firewall" && one.spec.layers.some(({ killSwitch }) => killSwitch),
  );
  const devices = isKilling && egressHook ? ((await pppoeDevices?.()) ?? []) : [];
  if (devices.length === 0) return [];
  return [{ path: "killSwitch", isWarning: true, message: `${pppoeRefused(devices)}; let the router speak it` }];
}

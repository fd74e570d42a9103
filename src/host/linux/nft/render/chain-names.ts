import type { PathSwitch } from "../../../../model/firewall/policy.ts";
import { PATH_NUMBERS } from "../../../../model/ownership.ts";

/** The chain that counts and drops. */
export const REFUSED_CHAIN = "refused";

/** The chains, without a layer's suffix, in which rules of the config block what leaves: of the inet and the netdev table. */
export const PATHS = "paths";
export const GUEST_PATHS = "paths-guests";
export const FRAME_PATHS = "out";
export const FRAGMENT_PATHS = "fragments";

/** The base chain at the devices' egress. */
export const FRAMES = "frames";

/** The base chain that marks arriving ARP. */
export const NEIGHBOURS = "neighbours";

/** The set of the devices by which default routes lead (S6.8). */
export const UPLINK_SET = "uplinks";

/** The name of the set that says whether a switch of paths is in force (S4.9). */
export function fallbackSetName({ path, to }: PathSwitch): string {
  return to === PATH_NUMBERS.direct ? `fallback-${path}` : `fallback-${path}-${to}`;
}

/** The sets by which a packet's next hop is compared with its destination (S4.6). */
export const ON_LINK_SETS = { 4: "on-link-v4", 6: "on-link-v6" } as const;

/** The set of a dynamic set of names (S4.14) for one IP version. */
export function nameSetOf(name: string, family: 4 | 6): string {
  return `${name}-v${family}`;
}

/** The chain that remembers that a flow may leave by a device (S5.6). */
export const REMEMBER = "remember";

/** The sets of flows that may leave by a device, as was judged before (S5.6). */
export const JUDGED_SETS = {
  4: { flows: "judged-v4", echoes: "judged-echoes-v4" },
  6: { flows: "judged-v6", echoes: "judged-echoes-v6" },
} as const;

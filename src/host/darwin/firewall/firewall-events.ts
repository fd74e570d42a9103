import type { LibSystem } from "../../../native/darwin/libsystem.ts";
import type { NetworkEvents } from "../../ports/network-events.ts";
import { CALLING_ANCHOR, PF_ANCHOR } from "../pf/render-pf.ts";
import { openPfDevice, type PfDevice } from "./pf-device.ts";

/** How often PF is looked at: it tells nobody of anything, and a look is eight calls. */
export const FIREWALL_LOOK_MS = 1_000;

const WATCHED = ["", CALLING_ANCHOR, PF_ANCHOR, ...["killswitch", "dns", "ipv6"].map((name) => `${PF_ANCHOR}/${name}`)];

export interface DarwinFirewallEventsDeps {
  readonly system: LibSystem;
  /** Calls every FIREWALL_LOOK_MS until disposed. */
  readonly every: (onDue: () => void) => Disposable;
}

/** What this process does to PF itself: under way, and how PF looked after the last. */
const own = { underway: 0, marks: "" };

/** Runs a change of PF by this process, which is not to be taken for others' work. */
export async function asOwnChange<T>(open: () => PfDevice, change: () => Promise<T>): Promise<T> {
  own.underway += 1;
  try {
    return await change();
  } finally {
    own.underway -= 1;
    own.marks = marksOf(open);
  }
}

/**
 * Changes of PF by others: turned on or off, the main ruleset or an anchor of ours loaded anew. Who it was PF does not say.
 * Tables and states are not looked at here.
 */
export function darwinFirewallEvents({ system, every }: DarwinFirewallEventsDeps): NetworkEvents {
  return {
    watch(onEvent) {
      const open = () => openPfDevice(system);
      let before = marksOf(open);
      const timer = every(() => {
        if (own.underway > 0) return;
        const now = marksOf(open);
        if (now !== before && now !== own.marks) onEvent({ what: "packet filter", renumbered: false });
        before = now;
      });
      return {
        async [Symbol.asyncDispose]() {
          timer[Symbol.dispose]();
        },
      };
    },
  };
}

/** PF's state and rulesets in one text; what cannot be read is a text, too. */
function marksOf(open: () => PfDevice): string {
  try {
    using device = open();
    return [device.isEnabled(), ...WATCHED.map((anchor) => device.rulesMark(anchor) ?? "none")].join(" ");
  } catch (error) {
    return String(error);
  }
}

import type { LibSystem } from "../../../native/darwin/libsystem.ts";
import type { NetworkEvents } from "../../ports/network-events.ts";
import { CALLING_ANCHOR, PF_ANCHOR } from "../pf/render-pf.ts";
import { openPfDevice, type PfDevice } from "./pf-device.ts";

/** How often PF is read. PF sends no events; a reading takes eight calls. */
export const FIREWALL_LOOK_MS = 1_000;

const WATCHED = ["", CALLING_ANCHOR, PF_ANCHOR, ...["killswitch", "dns", "ipv6"].map((name) => `${PF_ANCHOR}/${name}`)];

export interface DarwinFirewallEventsDeps {
  readonly system: LibSystem;
  /** Calls every FIREWALL_LOOK_MS until disposed. */
  readonly every: (onDue: () => void) => Disposable;
}

/** This process's own changes of PF: those in progress, and PF's marks after the last one. */
const own = { underway: 0, marks: "" };

/** Runs a change of PF by this process, so that it is not reported as another program's. */
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
 * Changes of PF by other programs: PF turned on or off, the main ruleset or an anchor of awg reloaded. PF does not report the
 * program. Tables and states are not compared here.
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

/** PF's state and rulesets as one text, in which errors are text too. */
function marksOf(open: () => PfDevice): string {
  try {
    using device = open();
    return [device.isEnabled(), ...WATCHED.map((anchor) => device.rulesMark(anchor) ?? "none")].join(" ");
  } catch (error) {
    return String(error);
  }
}

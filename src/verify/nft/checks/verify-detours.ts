import { LOOPBACK_DEVICE } from "../../../model/firewall/packet.ts";
import { counted } from "../../../model/text/counted.ts";
import type { VerifyFinding } from "../../finding.ts";
import type { RulesetQuestion } from "../ruleset-question.ts";

/** Something at a device that may send frames on past the packet filter, or write into them behind it. */
export interface Detour {
  readonly device: string;
  /** `queue`: within a queueing discipline, behind the device's egress hook. */
  readonly place: "ingress" | "egress" | "queue" | "XDP";
  readonly does: DetourAction;
}

export type DetourAction =
  | {
      readonly kind: "send";
      readonly copies: boolean;
      /** What is handed to the device counts as having arrived there. */
      readonly asArrived: boolean;
      /** Absent: to all devices of a block. */
      readonly to?: DetourTarget;
    }
  | { readonly kind: "program"; readonly name: string }
  | { readonly kind: "other"; readonly name: string };

/** The device that frames are sent on to. */
export interface DetourTarget {
  readonly name: string;
  /** The driver's name for virtual links. */
  readonly kind?: string;
}

/** What is sent to these goes nowhere else: an ifb gives it back to where it came from, a dummy ends it. */
const HARMLESS_TARGETS: readonly string[] = ["ifb", "dummy"];
/** Actions that neither send a frame anywhere nor write what a policy asks for; nor does `csum`, which mends checksums. */
const HARMLESS_ACTIONS: readonly string[] = [
  ...["classic bpf", "connmark", "csum", "ctinfo", "gact", "gate", "ife", "mpls", "police", "sample", "simple"],
  ...["skbedit", "skbmod", "tunnel_key", "vlan"],
];
/** Actions that write addresses and ports. Where a frame arrives, all hooks come later. */
const WRITING_ACTIONS: readonly string[] = ["ct", "nat", "pedit"];
const MOST_PLACES = 6;

/**
 * Filters of tc and BPF programs at devices (docs/security.md S12.17): the kernel does not ask the egress hook of the device
 * that they send a frame on to (net/core/dev.c, nf_skip_egress). One finding for all places that do the same. Pure.
 */
export function verifyDetours(question: RulesetQuestion): VerifyFinding[] {
  const found = new Map<string, Set<string>>();
  for (const detour of question.detours ?? []) {
    const what = whatOf(question, detour);
    if (what === undefined) continue;
    const places = found.get(what) ?? new Set();
    const { device, place, does } = detour;
    const name = does.kind === "program" && does.name !== "" ? `, ${does.name}` : "";
    found.set(what, places.add(`${device} (${place}${name})`));
  }
  return [...found].map(([what, places]) => ({
    kind: "unjudged",
    message: `at ${listed([...places])} ${what}`,
    rules: [],
  }));
}

/** What a detour does that nothing of awg's judges; undefined for one that is harmless. */
function whatOf({ framed, policy }: RulesetQuestion, { device, place, does }: Detour): string | undefined {
  const tunnels = policy.layers.flatMap((layer) => layer.tunnels.map((tunnel) => tunnel.device));
  const isLeaving = place === "egress" || place === "queue";
  switch (does.kind) {
    case "program":
      return `a BPF program may send frames on past awg's packet filter${isLeaving ? ", or write into them behind it" : ""}: what it does cannot be said (S12.17)`;
    case "other":
      if (HARMLESS_ACTIONS.includes(does.name)) return undefined;
      if (!WRITING_ACTIONS.includes(does.name))
        return `a filter of tc does what awg does not know: ${does.name} (S12.17)`;
      return isLeaving && (framed.includes(device) || tunnels.includes(device))
        ? `a filter of tc writes into frames behind awg's packet filter: ${does.name} (S12.17)`
        : undefined;
    case "send": {
      const { to, copies, asArrived } = does;
      const what = copies ? "copies of frames" : "frames";
      if (to === undefined)
        return `a filter of tc sends ${what} on by a block of devices, past awg's packet filter (S12.17)`;
      if (HARMLESS_TARGETS.includes(to.kind ?? "")) return undefined;
      if (asArrived) {
        // Elsewhere it is judged as what arrives there.
        if (to.name !== LOOPBACK_DEVICE && !tunnels.includes(to.name)) return undefined;
        return `a filter of tc hands ${what} to ${to.name} as though they had arrived there (S12.17)`;
      }
      if (place === "queue" && framed.includes(to.name)) return undefined;
      return `a filter of tc sends ${what} on by ${to.name}, past awg's packet filter (S12.17)`;
    }
  }
}

function listed(places: readonly string[]): string {
  const more = places.length - MOST_PLACES;
  const shown = places.slice(0, MOST_PLACES).join(", ");
  return more > 0 ? `${shown} and ${counted(more, "more place")}` : shown;
}

import type { OtherSoftware } from "../../host/ports/environment.ts";
import type { DesiredState } from "../../model/resources/desired-state.ts";
import { counted } from "../../model/text/counted.ts";
import { cutOffNotes } from "../plan/cut-off.ts";
import { roomyLimit } from "../plan/inotify-limit.ts";
import type { Finding } from "./finding.ts";
import { judgeGuests } from "./guests.ts";

/** Fewer free instances than this are reported. */
const FEW = 8;

/** Limits and refusals that affect other programs on this host. Pure. */
export function judgeOtherSoftware(around: OtherSoftware, applied: DesiredState): readonly Finding[] {
  return [
    ...roomFindings(around, applied),
    ...cutOffFindings(around, applied),
    ...bridgeFindings(around, applied),
    ...judgeGuests(around.guestBridges ?? [], applied),
  ];
}

function roomFindings({ inotifyUsage }: OtherSoftware, { resources }: DesiredState): Finding[] {
  const engines = resources.filter((one) => one.kind === "tunnel" && one.spec.engine === "userspace").length;
  if (inotifyUsage === undefined || engines === 0) return [];
  const { uid, limit, used } = inotifyUsage;
  if (limit - used >= FEW) return [];
  return [
    {
      id: "inotify-room",
      severity: used < limit ? "note" : "fault",
      what: `wireguard-go and amneziawg-go need an inotify instance each, and user ${uid} has ${Math.max(0, limit - used)} left: no more engines can start`,
      evidence: [
        `fs.inotify.max_user_instances is ${limit}; ${used} are in use, ${counted(engines, "tunnel has", "tunnels have")} such an engine`,
      ],
      remedy: [`sysctl fs.inotify.max_user_instances=${roomyLimit(used)}`, "or say engine: embedded, which takes none"],
    },
  ];
}

function cutOffFindings({ otherTunnels = [] }: OtherSoftware, applied: DesiredState): Finding[] {
  const notes = cutOffNotes(applied, otherTunnels);
  if (notes.length === 0) return [];
  return [
    {
      id: "vpn-cut-off",
      severity: "note",
      what: "the kill switch lets nothing out by another program's tunnel",
      evidence: notes.map(({ message }) => message.replace(/, and will carry nothing: .*/, "")),
      remedy: [
        "allow what it carries and its server (killSwitch.allow), or make it awg's (awg import, with --adopt while wg-quick has it up)",
      ],
    },
  ];
}

/** Bridges whose guests cannot reach each other: the kernel filters bridged packets as forwarded ones (S7.3). */
function bridgeFindings({ filteredBridges = [] }: OtherSoftware, { resources }: DesiredState): Finding[] {
  const isKilling = resources.some(
    (one) => one.kind === "firewall" && one.spec.layers.some(({ killSwitch }) => killSwitch),
  );
  if (!isKilling || filteredBridges.length === 0) return [];
  return [
    {
      id: "bridge-filtered",
      severity: "fault",
      what: `the kernel takes what passes between the ports of ${filteredBridges.join(", ")} for forwarded (br_netfilter), which the kill switch refuses: the guests there do not reach each other`,
      evidence: ["net.bridge.bridge-nf-call-iptables or -ip6tables is 1 (S7.3)"],
      remedy: [
        "sysctl net.bridge.bridge-nf-call-iptables=0 net.bridge.bridge-nf-call-ip6tables=0, where nothing else (Kubernetes) needs it",
      ],
    },
  ];
}

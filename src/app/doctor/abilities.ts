import type { Capabilities } from "../../host/ports/facts.ts";
import { ENGINE_PROGRAMS } from "../../model/engine-program.ts";
import type { DesiredState } from "../../model/resources/desired-state.ts";
import type { Finding } from "./finding.ts";

/**
 * What this host lacks for what is applied, or for all of awg's features if nothing is applied. What
 * an applied resource needs is a fault, the rest a note. Pure.
 */
export function judgeAbilities(capabilities: Capabilities, applied: DesiredState): readonly Finding[] {
  const tunnels = applied.resources.filter((one) => one.kind === "tunnel");
  const usesTun = applied.resources.some((one) => one.kind === "link" && one.spec.type === "tun");
  const findings: Finding[] = [];
  if (!capabilities.nftables && capabilities.pf !== true) {
    findings.push({
      id: "nftables-missing",
      severity: "fault",
      what: "the kernel has no nf_tables, or it cannot be used here: no kill switch is possible",
      evidence: ["a trial transaction was refused"],
      remedy: ["modprobe nf_tables", "in a container: give it CAP_NET_ADMIN"],
    });
  }
  if (!capabilities.tun) {
    findings.push({
      id: "tun-missing",
      severity: usesTun ? "fault" : "note",
      what: "/dev/net/tun cannot be opened: userspace tunnels cannot run",
      evidence: ["opening it for reading and writing failed"],
      remedy: ["modprobe tun", "in a container: give it the device /dev/net/tun"],
    });
  }
  for (const protocol of ["wireguard", "amneziawg"] as const) {
    const isThere = protocol === "wireguard" ? capabilities.userspaceWireguard : capabilities.userspaceAmneziawg;
    const isUsed = tunnels.some(({ spec }) => spec.protocol === protocol && spec.engine === "userspace");
    if (isUsed && !isThere) findings.push(engineFinding(protocol, capabilities.pf === true));
  }
  if (capabilities.nftables && !capabilities.ownedTables) {
    findings.push({
      id: "table-flags-missing",
      severity: "note",
      what: "the kernel does not support table owners: another program's flush removes the kill switch",
      evidence: ["a trial table with the flags owner and persist was refused"],
      remedy: ["use Linux 6.9 or later"],
    });
  }
  if (capabilities.nftables && !capabilities.egressHook) {
    findings.push({
      id: "egress-hook-missing",
      severity: "note",
      what: "the kernel has no egress hook: the kill switch does not filter raw frames of root",
      evidence: ["a trial chain at the hook egress was refused"],
      remedy: ["use Linux 5.16 or later with CONFIG_NETFILTER_EGRESS"],
    });
  }
  if (capabilities.classifier?.ok === false) {
    const isUsed = applied.resources.some((one) => one.kind === "classifier");
    findings.push({
      id: "classifier-missing",
      severity: isUsed ? "fault" : "note",
      what: `sockets cannot be classified by program: ${capabilities.classifier.reason}`,
      evidence: ["looked for what it needs, then loaded two BPF programs of a few instructions"],
      remedy: ["use Linux 5.14 or later with BTF, cgroup v2 and BPF; in a container, run awg on the host"],
    });
  }
  return findings;
}

/** An external engine is missed only if a tunnel uses it. */
function engineFinding(protocol: "wireguard" | "amneziawg", isMac: boolean): Finding {
  const { paths } = ENGINE_PROGRAMS[protocol];
  const program = protocol === "wireguard" ? "wireguard-go" : "amneziawg-go";
  const installing =
    protocol === "wireguard" ? "apt-get install wireguard-go" : `build ${program} and put it at ${paths[0]}`;
  return {
    id: "engine-missing",
    severity: "fault",
    what: `${program} is not installed, and applied tunnels need it`,
    evidence: [
      isMac ? "looked in /usr/local/bin, /opt/homebrew/bin and /opt/local/bin" : `looked for ${paths.join(", ")}`,
    ],
    remedy: [
      isMac ? `put ${program} into /usr/local/bin, root's and writable by root alone` : installing,
      "set engine: auto to use awg's own engine",
    ],
  };
}

import { FEATURES, refusalOf, type System } from "../../config/feature/support.ts";
import type { Capabilities } from "../../host/ports/facts.ts";

/** Something of this host that awg uses, and whether it is usable here. */
export interface Mechanism {
  /** Stable. */
  readonly id: string;
  /** What it is, in the system's words. */
  readonly name: string;
  readonly isAvailable: boolean;
  /** What awg uses it for; or what is missing and what follows. */
  readonly text: string;
}

/** A key of the config, or one of its values, that a plan refuses on this system. */
export interface RefusedFeature {
  readonly feature: string;
  readonly reason: string;
}

export interface HostMechanisms {
  readonly system: System;
  readonly mechanisms: readonly Mechanism[];
  readonly refused: readonly RefusedFeature[];
}

/** What this host offers, as `facts` found it by trying, and what plans refuse on this system. Pure. */
export function hostMechanisms(capabilities: Capabilities, system: System): HostMechanisms {
  const refused = FEATURES.flatMap((feature) => {
    const reason = refusalOf(feature, system);
    return reason === undefined ? [] : [{ feature, reason }];
  });
  return { system, mechanisms: system === "linux" ? ofLinux(capabilities) : ofMac(capabilities), refused };
}

function ofLinux(capabilities: Capabilities): Mechanism[] {
  const { classifier } = capabilities;
  return [
    mechanism("tun", "/dev/net/tun", capabilities.tun, "tunnels", "it cannot be opened: no tunnel can run"),
    mechanism(
      "nftables",
      "nf_tables",
      capabilities.nftables,
      "the kill switch and rules",
      "no kill switch is possible",
    ),
    mechanism(
      "owned-tables",
      "nf_tables owner and persist",
      capabilities.ownedTables,
      "only awg can change its tables",
      "needs Linux 6.9: another program's flush removes the kill switch until the daemon repairs it",
    ),
    mechanism(
      "egress-hook",
      "nf_tables egress hook",
      capabilities.egressHook,
      "the kill switch also holds raw frames of root",
      "needs Linux 5.16: raw frames of root pass the kill switch",
    ),
    mechanism(
      "classifier",
      "BPF programs of cgroup v2",
      classifier?.ok === true,
      "rules by program",
      classifier?.ok === false ? `no rule by program: ${classifier.reason}` : "no rule by program",
    ),
    ...engines(capabilities),
    mechanism(
      "kernel-wireguard",
      "WireGuard of the kernel",
      capabilities.kernelWireguard,
      "not used yet: awg's own engine carries tunnels",
      "not needed: awg's own engine carries tunnels",
    ),
    mechanism(
      "systemd-resolved",
      "systemd-resolved",
      capabilities.resolved,
      "DNS servers per link",
      "not running: DNS servers are written to /etc/resolv.conf",
    ),
  ];
}

function ofMac(capabilities: Capabilities): Mechanism[] {
  return [
    mechanism("tun", "utun", capabilities.tun, "tunnels", "it cannot be opened: no tunnel can run"),
    mechanism("pf", "PF", capabilities.pf === true, "the kill switch and rules", "no kill switch is possible"),
    ...engines(capabilities),
  ];
}

/** awg's own engine is part of awg. */
function engines({ tun, userspaceWireguard, userspaceAmneziawg }: Capabilities): Mechanism[] {
  const external = "engine: userspace of such tunnels";
  const missing = "not installed: needed for engine: userspace only";
  return [
    mechanism("embedded-engine", "awg's own engine", tun, "WireGuard and AmneziaWG", "needs a tunnel device"),
    mechanism("wireguard-go", "wireguard-go", userspaceWireguard, external, missing),
    mechanism("amneziawg-go", "amneziawg-go", userspaceAmneziawg, external, missing),
  ];
}

function mechanism(id: string, name: string, isAvailable: boolean, use: string, lack: string): Mechanism {
  return { id, name, isAvailable, text: isAvailable ? use : lack };
}

import { FEATURES, refusalOf, type System } from "../../config/feature/support.ts";
import type { ClassifierCapability, HostFacts } from "../../host/ports/facts.ts";
import { sortsByPriority } from "../../model/firewall/queue-order.ts";
import { MECHANISMS, type MechanismKind, type Purpose } from "./mechanism-catalogue.ts";

/** Something of this host that awg can use, and whether it is usable here. */
export interface Mechanism extends Pick<MechanismKind, "id" | "purpose" | "name"> {
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

/** The result of trying a mechanism. The reason is one clause; the detail is its name on this host. */
export interface Trial {
  readonly ok: boolean;
  readonly reason?: string;
  readonly detail?: string;
}

export type Trials = Readonly<Record<string, Trial | undefined>>;

/** What a host offers for each purpose, as it was found by trying, and what plans refuse on its system. Pure. */
export function hostMechanisms(
  facts: Pick<HostFacts, "os" | "capabilities" | "uplinks" | "devices" | "rates">,
  trials: Trials,
): HostMechanisms {
  const { os: system } = facts;
  const found: Trials = { ...trialsOf(facts), ...trials };
  const refused = FEATURES.flatMap((feature) => {
    const reason = refusalOf(feature, system);
    return reason === undefined ? [] : [{ feature, reason }];
  });
  return { system, mechanisms: MECHANISMS[system].map((kind) => judge(kind, found[kind.id])), refused };
}

/** The purposes for which nothing is available. */
export function purposesWithout(mechanisms: readonly Mechanism[]): readonly Purpose[] {
  const usable = new Set(mechanisms.filter(({ isAvailable }) => isAvailable).map(({ purpose }) => purpose));
  return [...new Set(mechanisms.map(({ purpose }) => purpose))].filter((purpose) => !usable.has(purpose));
}

function judge({ id, purpose, name, use, lack }: MechanismKind, trial: Trial = { ok: false }): Mechanism {
  const { ok, reason, detail } = trial;
  const why = reason === undefined ? lack : `${lack}: ${reason}`;
  return { id, purpose, name: detail ?? name, isAvailable: ok, text: ok ? use : why };
}

function trialsOf({ capabilities, uplinks, devices, rates }: Parameters<typeof hostMechanisms>[0]): Trials {
  const { classifier, pf = false, nftables } = capabilities;
  const of = (ok: boolean): Trial => ({ ok });
  const [uplink] = uplinks;
  const queue = devices.find(({ name }) => name === uplink?.device)?.queue;
  return {
    tun: of(capabilities.tun),
    "embedded-engine": of(capabilities.tun),
    "wireguard-go": of(capabilities.userspaceWireguard),
    "amneziawg-go": of(capabilities.userspaceAmneziawg),
    "kernel-wireguard": of(capabilities.kernelWireguard),
    nftables: of(nftables),
    "owned-tables": of(capabilities.ownedTables),
    "egress-hook": of(capabilities.egressHook),
    "resolv-conf": of(true),
    resolver: of(nftables),
    // The uplinks were read by it.
    rtnetlink: of(true),
    "systemd-resolved": of(capabilities.resolved),
    classifier: classifier ?? of(false),
    "classifier-patterns": patternsTrial(classifier),
    "ebpf-cgroup": of(classifier?.ok === true),
    "nft-limit": of(rates?.filter === true),
    "nft-limit-upload": of(rates?.filter === true),
    "tc-htb": of(rates?.htb === true),
    "ifb-tc": of(rates?.ifb === true),
    queue: queueTrial(uplink?.device, queue),
    pf: of(pf),
    "pf-user": of(pf),
    "dynamic-store": of(pf),
    "routing-socket": of(pf),
  };
}

function patternsTrial(classifier: ClassifierCapability | undefined): Trial {
  if (classifier?.ok !== true) return classifier ?? { ok: false };
  const { noPatterns } = classifier;
  return noPatterns === undefined ? { ok: true } : { ok: false, reason: noPatterns };
}

function queueTrial(device: string | undefined, queue: string | undefined): Trial {
  if (device === undefined) return { ok: false, reason: "no default route" };
  if (queue === undefined) return { ok: false, reason: `the queue of ${device} is unknown` };
  const detail = `queue of ${device}: ${queue}`;
  return sortsByPriority(queue) ? { ok: true, detail } : { ok: false, detail, reason: "it does not sort" };
}

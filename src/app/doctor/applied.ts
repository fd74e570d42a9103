import type { Capabilities } from "../../host/ports/facts.ts";
import { messageOf } from "../../model/error.ts";
import { DISREGARDED, DISREGARDED_REMEDY } from "../../model/firewall/canary.ts";
import { foreignTableRemedy } from "../../model/firewall/foreign-tables.ts";
import type { FirewallObserved } from "../../model/firewall/policy.ts";
import { TABLE_MARK } from "../../model/ownership.ts";
import type { ResourceKey } from "../../model/resource.ts";
import type { DesiredState } from "../../model/resources/desired-state.ts";
import type { EngineSilence } from "../../model/resources/tunnel.ts";
import { fieldName } from "../../model/text/field-name.ts";
import type { Generation } from "../../reconciler/journal/generation.ts";
import type { Drift } from "../../reconciler/plan/drift.ts";
import type { Ledger } from "../../reconciler/plan/ledger.ts";
import { driverRegistry } from "../../resources/registry.ts";
import { fallenBack } from "../apply/fallback.ts";
import type { HostParts } from "../parts.ts";
import type { Traffic } from "../protect/unreadable-state.ts";
import { compareHost, compareWith, UNRECORDED_REMEDY, unrecordedText } from "../status/compare-host.ts";
import { damageTexts, GONE } from "../status/conditions/conditions.ts";
import { directFallbackText } from "../status/direct-traffic.ts";
import { readNoNetwork } from "../status/no-network.ts";
import { endsAtReboot } from "../status/reboot.ts";
import { statusOf } from "../status/status.ts";
import type { FallenBack, ResourceStatus } from "../status/status-report.ts";
import type { Finding } from "./finding.ts";
import { judgeTunnels } from "./tunnels.ts";

/**
 * What passes while state files cannot be read. If the accepted state is known all the same, a
 * missing policy is found by its resource. Pure.
 */
export function trafficFindings(unreadable: Pick<Traffic, "traffic"> | undefined, applied: DesiredState): Finding[] {
  const base = {
    severity: "fault",
    evidence: ["files of the state folder cannot be read; see those findings"],
  } as const;
  if (unreadable?.traffic === "blocked") {
    return [
      {
        ...base,
        id: "traffic-blocked",
        what: "traffic is blocked: only loopback, DHCP and NDP pass, because the accepted state is unknown",
        consequence: "names do not resolve until then: a tunnel with a named endpoint comes up with the second apply",
        remedy: ["fix the faults above", "awg apply, or awg destroy for a network without awg"],
      },
    ];
  }
  if (unreadable?.traffic !== "unprotected" || applied.resources.length > 0) return [];
  return [
    {
      ...base,
      id: "policy-missing",
      what: "awg's packet filter is not loaded: traffic is not protected",
      remedy: ["awg apply: it blocks traffic even if it is refused", "fix the faults above"],
    },
  ];
}

/** The state that the host should have. */
interface ToStand {
  readonly latest: Generation;
  readonly ledger: Ledger;
  readonly isOnTrial: boolean;
}

/** Compares the host with the accepted state, or the one that waits for confirmation. Reads only. */
export async function examineApplied(
  parts: HostParts,
  { latest: generation, ledger, isOnTrial }: ToStand,
  capabilities: Capabilities,
): Promise<readonly Finding[]> {
  const { desired } = generation;
  try {
    const { observed, drifts } = await compareWith(parts, { generation, desired, ledger, open: undefined });
    const common = { generation, desired, observed, drifts, capabilities, registry: driverRegistry, nowMs: Date.now() };
    const killSwitch = desired.resources.some(
      (one) => one.kind === "firewall" && one.spec.layers.some((layer) => layer.killSwitch),
    );
    // While a change waits for confirmation, only confirm and revert are accepted.
    const remedy = isOnTrial ? "awg revert" : "awg apply";
    const { resources } = statusOf({ ...common, openJournal: undefined });
    const noNetwork = await readNoNetwork(parts, observed);
    const [firewall] = observed.current.get("firewall")?.values() ?? [];
    return [
      ...fallbackFindings(fallenBack(firewall as FirewallObserved | undefined, desired.resources)),
      ...judgeTunnels(resources, noNetwork, common.nowMs),
      ...judgeApplied(resources, remedy, killSwitch),
      ...extraFindings(drifts),
      ...((await endsAtReboot(parts, desired)) ? [ENDS_AT_REBOOT] : []),
    ];
  } catch (error) {
    return [
      {
        id: "machine-unreadable",
        severity: "fault",
        what: "the host could not be read",
        evidence: [messageOf(error)],
        remedy: ["fix what the evidence names, then run awg doctor"],
      },
    ];
  }
}

/** Traffic that leaves outside the tunnels because their servers do not answer. Pure. */
function fallbackFindings(fallback: readonly FallenBack[]): readonly Finding[] {
  const what = directFallbackText(fallback);
  if (what === undefined) return [];
  return [
    {
      id: "fallback-direct",
      severity: "fault",
      what,
      evidence: fallback.flatMap(({ tunnel, by, rules }) =>
        by === undefined && rules.length > 0 ? [`direct instead of ${tunnel}: ${rules.join(", ")}`] : [],
      ),
      remedy: [
        "nothing, if that is wanted: it ends when the server answers",
        "to block it instead, write fallback: block in the config, then awg apply",
      ],
    },
  ];
}

/** Objects of awg for which the state folder has no accepted state. Reads only. */
export async function unrecordedFindings(parts: HostParts): Promise<readonly Finding[]> {
  const unrecorded = await compareHost(parts)
    .then((compared) => compared.unrecorded)
    .catch(() => undefined);
  if (unrecorded === undefined) return [];
  return [
    {
      id: "state-lost",
      severity: "fault",
      what: unrecordedText(unrecorded),
      evidence: [unrecorded.keys.join(", ")],
      consequence: `destroy leaves the kernel settings that awg changed, because their former values are not known${ownServers(unrecorded.keys)}`,
      remedy: UNRECORDED_REMEDY,
    },
  ];
}

/** What a destroy needs first if awg's resolver is in place: the original of a file is in the state folder. */
function ownServers(keys: readonly string[]): string {
  return keys.some((key) => key.startsWith("resolver/"))
    ? "; if awg wrote /etc/resolv.conf, write this host's own name servers to it first"
    : "";
}

/** Objects with awg's mark that the accepted state does not have. */
function extraFindings(drifts: readonly Drift[]): readonly Finding[] {
  const extra = drifts.filter(({ change }) => change === "extra").map(({ key }) => key);
  if (extra.length === 0) return [];
  return [
    {
      id: "drifted",
      severity: "fault",
      what: `${extra.join(", ")} ${extra.length === 1 ? "has" : "have"} awg's mark and no accepted state`,
      evidence: ["another awg made them, or an interrupted change left them"],
      remedy: ["awg apply, which removes them"],
    },
  ];
}

/** nf_tables tables of another program with the name of one of awg's; a fault if a packet filter is applied. Reads only. */
export async function foreignTableFindings({ host }: HostParts, applied: DesiredState): Promise<readonly Finding[]> {
  const { foreignTables = [] } = await host.firewall.read().catch(() => ({}) as Partial<FirewallObserved>);
  if (foreignTables.length === 0) return [];
  return [
    {
      id: "table-foreign",
      severity: applied.resources.some(({ kind }) => kind === "firewall") ? "fault" : "note",
      what: `the nf_tables ${foreignTables.length === 1 ? "table" : "tables"} ${foreignTables.join(" and ")} of another program has the name of awg's: awg cannot load its packet filter`,
      evidence: [`awg's own tables have the comment "${TABLE_MARK}"`],
      remedy: [foreignTableRemedy(foreignTables)],
    },
  ];
}

const ENDS_AT_REBOOT: Finding = {
  id: "ends-at-reboot",
  severity: "note",
  what: "a reboot removes tunnels, packet filter and DNS settings: awg's service does not start at boot",
  evidence: ["the service manager does not start awg's daemon at boot"],
  remedy: ["awg install"],
};

/** Differences from the accepted state, by their effect on traffic. Pure. */
export function judgeApplied(
  resources: readonly ResourceStatus[],
  restoreRemedy: string,
  killSwitch: boolean,
): readonly Finding[] {
  const remedy = [restoreRemedy];
  const findings: Finding[] = [];
  const drifted: ResourceStatus[] = [];
  for (const resource of resources) {
    if (resource.key.startsWith("firewall/") && (resource.drift.length > 0 || !resource.ready)) {
      findings.push(policyFinding(resource, killSwitch, remedy));
    } else if (resource.silence !== undefined)
      findings.push(silentEngineFinding(resource.key, resource.silence, remedy));
    else if (resource.drift.length > 0 || (!resource.ready && resource.summary === GONE)) drifted.push(resource);
  }
  if (drifted.length === 0) return findings;
  return [
    ...findings,
    {
      id: "drifted",
      severity: "fault",
      what: `${drifted.map(({ key }) => key).join(", ")} ${drifted.length === 1 ? "is" : "are"} not as applied`,
      evidence: drifted.map(differenceText),
      remedy,
    },
  ];
}

/** Fields only: values may be long, and `awg diff` shows them. */
function differenceText({ key, drift, summary }: ResourceStatus): string {
  const names = fieldsOf(drift);
  const fields = names.slice(0, 5);
  const more = names.length > fields.length ? ` and ${names.length - fields.length} more` : "";
  return drift.length === 0 ? `${key} ${summary}` : `${key} differs in ${fields.join(", ")}${more}`;
}

/** Each once: the policy holds rules for local and for forwarded packets. */
function fieldsOf(drift: ResourceStatus["drift"]): readonly string[] {
  return [...new Set(drift.map(({ field }) => fieldName(field)))];
}

function policyFinding(policy: ResourceStatus, killSwitch: boolean, remedy: readonly string[]): Finding {
  if (policy.ready && policy.drift.every(({ field }) => field === "/held")) {
    return {
      id: "policy-orphaned",
      severity: "fault",
      what: "the keeper does not run: the policy is loaded, but any program's flush removes it (orphaned: flushable)",
      evidence: [`${policy.key}: its tables have no owner`],
      remedy,
    };
  }
  const meaning = killSwitch ? "traffic is not protected" : "the applied rules do not hold";
  const differing = fieldsOf(policy.drift.filter(({ field }) => field !== "" && field !== "/damage"));
  const damage = [
    ...policy.drift.flatMap(damageTexts),
    ...(policy.drift.some(({ field }) => field === "") ? [`${policy.key} differs in the whole policy`] : []),
    ...differing.map((field) => `${policy.key} differs in ${field}`),
  ];
  if (damage.includes(DISREGARDED)) {
    return {
      id: "policy-disregarded",
      severity: "fault",
      what: `${DISREGARDED}: ${meaning}`,
      evidence: ["awg sent a packet to a documentation address, and the rule that drops it did not count it (S13.15)"],
      consequence: "a restart ends all programs on this Mac",
      remedy: [DISREGARDED_REMEDY],
    };
  }
  return {
    id: "policy-missing",
    severity: "fault",
    what: `the packet filter is not as applied: ${meaning}`,
    evidence: [...(policy.ready ? [] : [`${policy.key} ${policy.summary}`]), ...damage],
    remedy,
  };
}

/** An engine that runs but does not respond: its tunnel carries nothing, unless another program took its socket. */
function silentEngineFinding(key: ResourceKey, silence: EngineSilence, restoreRemedy: readonly string[]): Finding {
  const { text, pid, canGoOn, isForeign, isGarbled } = silence;
  const going = canGoOn ? [`kill -CONT ${pid}, which resumes it`] : [];
  const another = isForeign ? `awg apply --replace ${key}, which replaces it` : restoreRemedy;
  return {
    id: "engine-silent",
    severity: "fault",
    what: `${isGarbled === true ? `${key} cannot be read or changed` : `nothing passes ${key}`}: ${text}`,
    evidence: ["its control socket gives no valid reply"],
    consequence: "a new engine has to make a new handshake",
    remedy: [...going, ...[another].flat()],
  };
}

import { type AwgError, messageOf } from "../../model/error.ts";
import type { DesiredState } from "../../model/resources/desired-state.ts";
import type { HostParts } from "../parts.ts";
import { trafficOfUnreadable } from "../protect/unreadable-state.ts";
import { judgeAbilities } from "./abilities.ts";
import { examineApplied, foreignTableFindings, trafficFindings, unrecordedFindings } from "./applied.ts";
import { judgeEnvironment } from "./environment.ts";
import type { Examination, Finding } from "./finding.ts";
import { examineState, type StateReading } from "./state-files.ts";
import { judgeSubordinates, usersOfRules } from "./subuid.ts";

const NOTHING: DesiredState = { resources: [] };

/**
 * Faults of this host or its installation, and how to fix them. Reads only (law 2), takes no lock, and continues where a part
 * cannot be read. `silences`: keepers that did not respond when the host was opened.
 *
 * @throws AwgError("permission") if this process may not read the host.
 */
export async function examineHost(parts: HostParts, silences: readonly AwgError[]): Promise<Examination> {
  parts.requireRights?.();
  const { findings, looked } = await examineParts(parts);
  return { findings: faultsFirst([...silences.map(silentKeeperFinding), ...findings]), looked };
}

async function examineParts(parts: HostParts): Promise<Examination> {
  const state = await examineState(parts);
  const applied = appliedOf(state);
  const findings: Finding[] = [...state.findings, ...trafficFindings(await trafficOfUnreadable(parts), applied)];
  const looked = [`the state folder ${state.folder}`];
  const facts = await readFacts(parts, findings, usersOfRules(applied));
  if (facts !== undefined) {
    const { capabilities } = facts;
    looked.push("capabilities of the kernel and of the installed programs");
    findings.push(...judgeAbilities(capabilities, applied), ...judgeSubordinates(applied, facts));
    if (state.latest !== undefined && state.ledger !== undefined && applied !== NOTHING) {
      looked.push(`every resource of generation ${state.latest.number}`);
      findings.push(
        ...(await examineApplied(parts, { ...state, latest: state.latest, ledger: state.ledger }, capabilities)),
      );
    }
  }
  if (state.ledger?.entries.length === 0) findings.push(...(await unrecordedFindings(parts)));
  findings.push(...(await foreignTableFindings(parts, applied)));
  if (parts.readEnvironment !== undefined) {
    const around = await parts.readEnvironment();
    looked.push("policy rules, firewalls and resolvers of other programs", "sockets and state that were left over");
    const { otherTunnels = [] } = facts ?? {};
    findings.push(...judgeEnvironment({ ...around, otherTunnels }, applied, state.latest?.acceptedMs));
  }
  return { findings, looked };
}

/** The kernel keeps what was applied; awg cannot change it meanwhile. */
function silentKeeperFinding({ message, facts }: AwgError): Finding {
  const pid = String(facts["pid"]);
  return {
    id: "keeper-silent",
    severity: "fault",
    what: `the keeper (process ${pid}) does not answer: the applied state stays, but nothing can be changed`,
    evidence: [message],
    consequence:
      "none if it resumes; if you end it, any program's flush removes the policy until the next keeper starts",
    remedy: [
      facts["stopped"] === true ? `kill -CONT ${pid}` : "wait a minute, then run awg doctor",
      `or kill -KILL ${pid}, then awg apply, which starts another`,
    ],
  };
}

/** The accepted state, if it can be read and is current. */
function appliedOf({ latest, ledger }: StateReading): DesiredState {
  return latest !== undefined && ledger?.generation === latest.number ? latest.desired : NOTHING;
}

async function readFacts({ host }: HostParts, findings: Finding[], users: readonly string[]) {
  try {
    return await host.facts.read({ users, hosts: [] });
  } catch (error) {
    findings.push({
      id: "machine-unreadable",
      severity: "fault",
      what: "the host could not be read",
      evidence: [messageOf(error)],
      remedy: ["fix what the evidence names, then run awg doctor"],
    });
    return undefined;
  }
}

function faultsFirst(findings: readonly Finding[]): readonly Finding[] {
  return [
    ...findings.filter(({ severity }) => severity === "fault"),
    ...findings.filter(({ severity }) => severity === "note"),
  ];
}

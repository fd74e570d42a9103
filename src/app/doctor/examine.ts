import { openParts } from "../../compose/open.ts";
import { pathsFor } from "../../compose/paths.ts";
import { type AwgError, messageOf } from "../../model/error.ts";
import type { DesiredState } from "../../model/resource.ts";
import { readOpenTransaction } from "../../reconciler/apply/record.ts";
import { trafficOfUnreadable } from "../apply/unreadable-state.ts";
import type { SessionParts } from "../parts.ts";
import type { SessionOptions } from "../session.ts";
import { judgeAbilities } from "./abilities.ts";
import { examineApplied, trafficFindings } from "./applied.ts";
import { judgeSurroundings } from "./environment.ts";
import type { Examination, Finding } from "./finding.ts";
import { examineState, type StateReading } from "./state-files.ts";
import { judgeSubordinates, usersOfRules } from "./subuid.ts";

const NOTHING: DesiredState = { resources: [] };

/**
 * What is wrong with this machine or its installation, and what to do. Reads only (law 2), takes no lock, and goes on
 * where a part cannot be read. AwgError permission where this process may not look at all.
 */
export async function examineMachine(options: SessionOptions): Promise<Examination> {
  const silences: AwgError[] = [];
  const parts = await openParts({ ...options, onSilentKeeper: (silence) => void silences.push(silence) });
  parts.requireRights?.();
  try {
    const { findings, looked } = await examineParts(parts, options);
    return { findings: faultsFirst([...silences.map(silentKeeperFinding), ...findings]), looked };
  } finally {
    await parts.host[Symbol.asyncDispose]();
  }
}

async function examineParts(parts: SessionParts, options: SessionOptions): Promise<Examination> {
  const state = await examineState(parts);
  const applied = appliedOf(state);
  const findings: Finding[] = [
    ...state.findings,
    ...trafficFindings(await trafficOfUnreadable({ parts, readOpen: readOpenTransaction }), applied),
  ];
  const looked = [`the state folder ${state.folder}`];
  const facts = await readFacts(parts, findings, usersOfRules(applied));
  if (facts !== undefined) {
    const { capabilities } = facts;
    looked.push("what the kernel and the installed programs can do");
    findings.push(...judgeAbilities(capabilities, applied), ...judgeSubordinates(applied, facts));
    if (state.latest !== undefined && state.ledger !== undefined && applied !== NOTHING) {
      looked.push(`every resource of generation ${state.latest.number}`);
      findings.push(
        ...(await examineApplied(parts, { ...state, latest: state.latest, ledger: state.ledger }, capabilities)),
      );
    }
  }
  if (parts.host.name === "linux") {
    const { readLinuxSurroundings } = await import("../../host/linux/environment/read-environment.ts");
    const paths = pathsFor(options.stateDir, options.runDir);
    const around = await readLinuxSurroundings(parts.host, paths, parts.clock.nowMs());
    looked.push("policy rules, firewalls and resolvers of other programs", "sockets and state that were left over");
    const { otherTunnels = [] } = facts ?? {};
    findings.push(...judgeSurroundings({ ...around, otherTunnels }, applied, state.latest?.acceptedMs));
  }
  return { findings, looked };
}

/** The kernel holds what was applied all the same; awg's processes cannot change it meanwhile. */
function silentKeeperFinding({ message, facts }: AwgError): Finding {
  const pid = String(facts["pid"]);
  return {
    id: "keeper-silent",
    severity: "fault",
    what: `the keeper (process ${pid}) does not answer: what is applied holds, but nothing can be changed`,
    evidence: [message],
    consequence: "none for one that goes on; where one is ended, anybody's flush takes the policy away until the next",
    remedy: [
      facts["stopped"] === true ? `kill -CONT ${pid}` : "wait a minute, then awg doctor",
      `or kill -KILL ${pid}, then awg apply -f CONFIG, which starts another`,
    ],
  };
}

/** The accepted state, where it can be read and holds. */
function appliedOf({ latest, ledger }: StateReading): DesiredState {
  return latest !== undefined && ledger?.generation === latest.number ? latest.desired : NOTHING;
}

async function readFacts({ host }: SessionParts, findings: Finding[], users: readonly string[]) {
  try {
    return await host.facts.read({ users, hosts: [] });
  } catch (error) {
    findings.push({
      id: "machine-unreadable",
      severity: "fault",
      what: "the machine could not be read",
      evidence: [messageOf(error)],
      remedy: ["mend what the evidence names, then awg doctor"],
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

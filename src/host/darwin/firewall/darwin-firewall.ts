import { join } from "node:path";
import { AwgError } from "../../../model/error.ts";
import { DISREGARDED, DISREGARDED_REMEDY } from "../../../model/firewall/canary.ts";
import type { FirewallPolicy } from "../../../model/firewall/policy.ts";
import { type Family, parseIp } from "../../../model/ip.ts";
import type { LibSystem } from "../../../native/darwin/libsystem.ts";
import type { FirewallPort } from "../../ports/firewall.ts";
import type { RunCommand } from "../command.ts";
import { parsePrintedRules } from "../pf/printed/parse-printed.ts";
import { CALLING_ANCHOR, PF_ANCHOR, renderCallingAnchor, renderPf } from "../pf/render-pf.ts";
import { findDisregard } from "./canary-flight.ts";
import { asOwnChange } from "./firewall-events.ts";
import { FirewallRecord } from "./firewall-record.ts";
import { compareWithPf, loadedIdentity, observePolicy, type PolicySource } from "./observe-policy.ts";
import { openPfDevice, type PfDevice } from "./pf-device.ts";
import { hold, isHeldByUs, type Processes, release } from "./pf-hold.ts";
import { pfctl } from "./pfctl.ts";
import { printedNames } from "./printed-names.ts";
import { passesBefore, readReach } from "./reach.ts";
import { forbiddenStates } from "./states/forbidden-states.ts";
import { type PfState, parsePrintedStates } from "./states/printed-states.ts";

/** The text that empties an anchor. */
const NOTHING = "\n";
/** bsd/sys/errno.h: no such process. */
const ESRCH = 3;

export interface DarwinFirewallDeps {
  readonly run: RunCommand;
  readonly system: LibSystem;
  /** Folder (0700) that is removed at reboot. */
  readonly runDir: string;
  /** Folder that replaces /; / by default. */
  readonly root?: string;
}

interface Tools extends PolicySource {
  readonly device: () => PfDevice;
  readonly processes: Processes;
}

/** The packet filter of a Mac: PF by pfctl, and by /dev/pf where pfctl's text is not exact. */
export function darwinFirewall({ run, system, runDir, root = "/" }: DarwinFirewallDeps): FirewallPort {
  const record = new FirewallRecord(join(runDir, "firewall"));
  const device = () => openPfDevice(system);
  const isHeld = () => {
    using open = device();
    return isHeldByUs(open, record);
  };
  const processes: Processes = {
    self: system.getpid(),
    isAlive: (pid) => system.kill(pid, 0).errno !== ESRCH,
  };
  const source = { pf: pfctl(run), names: printedNames(root), record, isHeld };
  const tools: Tools = {
    ...source,
    findDisregard: (rules) => findDisregard({ ...source, system }, rules),
    device,
    processes,
  };
  return {
    read: () => observePolicy(tools),
    load: (policy) => asOwnChange(device, () => (policy === null ? removePolicy(tools) : loadPolicy(tools, policy))),
    // No PF rule expires, so a fallback would outlive a dead daemon: there is none (S13.10).
    fallBack: async () => {},
  };
}

/**
 * Loads the policy before any rule calls it, or replaces it as a whole. If pfctl fails, the former policy stays. Everything is
 * read back, because PF may hold something else than it accepted (rule S1.3).
 */
async function loadPolicy(tools: Tools, policy: FirewallPolicy): Promise<void> {
  const { pf, record } = tools;
  if ((await pf.rules(PF_ANCHOR)) === "") await refuseBypass(tools, policy);
  const identity = record.keep(policy);
  const rendered = renderPf(policy, identity);
  await pf.load(PF_ANCHOR, rendered.text);
  // Recorded before the load, so that a crash leaves no unknown policy; and again after it, because an overtaken process deletes
  // records that it does not know.
  record.keep(policy);
  const { damage } = await compareWithPf(tools, rendered);
  refuseDamage(damage);
  for (const path of await anchorsBelow(tools, PF_ANCHOR))
    if (!rendered.anchors.has(path)) await pf.load(path, NOTHING);
  await leadToPolicy(tools);
  {
    using device = tools.device();
    hold(device, record, tools.processes);
  }
  await endForbidden(tools, policy);
  refuseDamage((await observePolicy(tools)).damage);
  if ((await loadedIdentity(tools)) === identity) record.keepOnly(identity);
  else throw new AwgError("verification", "another process has loaded another firewall policy into PF since");
}

/** Before the first load a bypass is a conflict; later it is damage, and the loaded policy stays. */
async function refuseBypass({ pf, names }: Tools, policy: FirewallPolicy): Promise<void> {
  const [line] = await passesBefore(pf, names, policy);
  if (line === undefined) return;
  throw new AwgError(
    "conflict",
    `another program's rule of PF lets packets pass before awg's could judge them: ${line}`,
    {
      remedy: /^(?:nat|rdr|binat) /.test(line)
        ? "take the word pass out of it, so that PF asks its filter rules, or turn the kill switch off"
        : 'put it behind anchor "com.apple/*" in /etc/pf.conf, or turn the kill switch off',
    },
  );
}

async function leadToPolicy(tools: Tools): Promise<void> {
  const { pf, names } = tools;
  const { hasWildcard, isCalledByApple, isCalledDirectly } = await readReach(pf, names);
  if (!isCalledByApple) await pf.load(CALLING_ANCHOR, renderCallingAnchor());
  if (hasWildcard || isCalledDirectly) return;
  using device = tools.device();
  device.insertCall(PF_ANCHOR);
}

/** Removes the calls of the policy first; from then on PF judges as without awg. */
async function removePolicy(tools: Tools): Promise<void> {
  const { pf, names, record } = tools;
  const { isCalledDirectly } = await readReach(pf, names);
  {
    using device = tools.device();
    if (isCalledDirectly) device.removeCalls(PF_ANCHOR);
    await empty(tools, CALLING_ANCHOR);
    // The next run recognizes unfinished work by the anchor's rules, so they are removed last, after awg's reference.
    if (record.hold() !== undefined) release(device, record, tools.processes);
    for (const path of [...(await anchorsBelow(tools, PF_ANCHOR)), PF_ANCHOR]) await empty(tools, path);
  }
  record.keepOnly(undefined);
}

async function empty({ pf, names }: Tools, path: string): Promise<void> {
  if (parsePrintedRules(await pf.rules(path), names).length > 0) await pf.load(path, NOTHING);
}

async function anchorsBelow(tools: Tools, path: string): Promise<string[]> {
  const children = await tools.pf.anchorsIn(path);
  const deeper = await Promise.all(children.map((child) => anchorsBelow(tools, child)));
  return [...children, ...deeper.flat()];
}

/** S11.1: ends each forbidden state by its own endpoints. */
async function endForbidden(tools: Tools, policy: FirewallPolicy): Promise<void> {
  const forbidden = forbiddenStates(policy, parsePrintedStates(await tools.pf.states(), tools.names));
  if (forbidden.length === 0) return;
  using device = tools.device();
  for (const state of forbidden) device.killStates(selectionOf(state));
}

/** For the kernel, the side that opened the flow is its source. */
function selectionOf({ device, protocol, direction, local, remote }: PfState): Parameters<PfDevice["killStates"]>[0] {
  const family: Family = parseIp(local.address)?.family ?? 4;
  const [source, destination] = direction === "out" ? [local, remote] : [remote, local];
  return { family, protocol, source, destination, ...(device === undefined ? {} : { device }) };
}

function refuseDamage([first]: readonly string[]): void {
  if (first === undefined) return;
  throw new AwgError(
    "verification",
    `PF took the firewall policy and does not enforce it: ${first}`,
    first === DISREGARDED ? { remedy: DISREGARDED_REMEDY } : {},
  );
}

import type { Applied, ApplyHooks } from "../app/apply/applied.ts";
import { applyPlanned } from "../app/apply/apply-planned.ts";
import { keepWatched, secondsToConfirm } from "../app/apply/awaiting.ts";
import { revertNow } from "../app/apply/confirmation.ts";
import { type DeviceSwitch, fallBackAccepted } from "../app/apply/fallback.ts";
import { readProposalRecord, settleProposal } from "../app/apply/proposal-record.ts";
import { msLeft } from "../app/down/override.ts";
import type { LoadedConfig, SourceFile } from "../app/load/loaded-config.ts";
import type { OpenHost } from "../app/open-host.ts";
import type { DaemonPlanning, Planned } from "../app/plan/planned.ts";
import { planAccepted, planConfig, planEndOfOverride } from "../app/plan/planner.ts";
import { planOpenPortal } from "../app/portal/open-portal.ts";
import { protectAfterFailure } from "../app/protect/failed-verb.ts";
import { restorePolicy } from "../app/protect/restore-policy.ts";
import type { StandingOverride } from "../app/status/status-report.ts";
import type { OpenPortal } from "../model/portal/portal.ts";
import type { DesiredState } from "../model/resources/desired-state.ts";
import type { ProbeSpec } from "../model/resources/probe.ts";

/** Everything the daemon does with its host. */
export type UseCases = ReturnType<typeof useCasesOf>;

/** Binds the use cases of the daemon to one open host. */
export function useCasesOf({ parts, configs }: OpenHost) {
  const { engines, portal, probes, relays } = parts.host;
  return {
    load: (files: readonly SourceFile[]) => configs.load(files),
    plan: (loaded: LoadedConfig, daemon: DaemonPlanning) => planConfig(parts, loaded, undefined, daemon),
    planAccepted: () => planAccepted(parts),
    /** Ends what was asked for a time, if that is over. */
    planEndOfOverride: () => planEndOfOverride(parts),
    /** What was asked for a time, and how long it holds; undefined if nothing was. */
    override: async (): Promise<StandingOverride | undefined> => {
      const { override } = (await parts.stores.generations.latest())?.desired ?? {};
      return override === undefined ? undefined : { override, msLeft: msLeft(override, parts) };
    },
    apply: (planned: Planned, hooks: ApplyHooks): Promise<Applied> =>
      applyPlanned(parts, { planned }, hooks, () => configs.remember()),
    revert: (options: { readonly onlyIfDue: boolean }) => revertNow(parts, options),
    /** The accepted generation; undefined before the first. */
    acceptedGeneration: () => parts.stores.generations.latest(),
    /** The resources of the accepted generation. */
    accepted: async () => (await parts.stores.generations.latest())?.desired.resources ?? [],
    /** Whether another process of awg changes this host now. */
    isAnotherAtWork: async (): Promise<boolean> => {
      const holder = await parts.whoChanges?.();
      return holder !== undefined && holder.pid !== process.pid;
    },
    readProposals: () => readProposalRecord(parts),
    settleProposal: (configHash: string) => settleProposal(parts, configHash),
    /** Restores the packet filter without a plan; undefined if nothing was wrong with it. */
    restorePolicy: () => restorePolicy(parts),
    protectAfterFailure: (cause: unknown) => protectAfterFailure(parts, cause),
    /** Seconds until an unconfirmed change is reverted, 0 if it is due; undefined if none waits. */
    secondsToConfirm: () => secondsToConfirm(parts),
    /** Starts another keeper for an unconfirmed change if the one that was to revert it died. */
    keepWatched: () => keepWatched(parts),
    /** The accepted desired state; empty before the first. */
    acceptedState: async (): Promise<DesiredState> =>
      (await parts.stores.generations.latest())?.desired ?? { resources: [] },
    /** Puts these switches of paths in force and all others out of force; `renew` extends those in force. */
    fallBack: (switches: readonly DeviceSwitch[], renew: boolean) => fallBackAccepted(parts, switches, renew),
    engine: (device: string) => engines.read(device),
    /** The relays of proxies, with their health. */
    relays: async () => (await relays?.readAll()) ?? [],
    /** Makes the engine of a device request a reply from its peers; `anew`: by a handshake, even within a session. */
    probe: async (device: string, anew = false): Promise<void> => engines.requestHandshakes?.(device, { anew }),
    /** Sets every peer's endpoint again, so that engines drop source addresses that this host lost. */
    async refreshEndpoints(): Promise<void> {
      const running = (await engines.readAll()).filter((one) => one.running);
      const results = await Promise.allSettled(running.map(async ({ device }) => engines.refreshEndpoints?.(device)));
      for (const result of results) if (result.status === "rejected") throw result.reason;
    },
    /** Questions about the login page of a network; undefined where the host cannot ask them. */
    portal,
    planOpenPortal: (loaded: LoadedConfig, page: OpenPortal, forMs: number) =>
      planOpenPortal(parts, loaded, page, forMs),
    planEndOfPortal: () => planEndOfOverride(parts, { endsPortal: true }),
    runProbe: async (probe: ProbeSpec) => probes?.run(probe),
    /** Change events of a host that lives in this process; a real host is watched as a whole. */
    networkEvents: parts.events,
  };
}

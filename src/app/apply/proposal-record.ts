import type { ProposalRecord } from "../../reconciler/journal/stores.ts";
import type { HostParts } from "../parts.ts";

/** What happened to earlier proposals of config files. */
export async function readProposalRecord({ stores }: HostParts): Promise<ProposalRecord> {
  return (await stores.proposals?.read()) ?? {};
}

/** Records that this config was proposed to the end; a refused one is forgotten. */
export async function settleProposal({ stores }: HostParts, configHash: string): Promise<void> {
  await stores.proposals?.write({ settled: configHash });
}

/** The next daemon proposes its files as on a new host. */
export async function forgetProposals(parts: HostParts): Promise<void> {
  if (Object.keys(await readProposalRecord(parts)).length > 0) await parts.stores.proposals?.write({});
}

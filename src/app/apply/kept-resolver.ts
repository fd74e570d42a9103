import type { OriginalStatus, ResolverPort } from "../../host/ports/resolver.ts";
import { type Plan, stepsOf } from "../../model/plan.ts";
import type { DesiredState } from "../../model/resources/desired-state.ts";
import { shellWord } from "../doctor/finding.ts";

/**
 * Why the resolver could not be restored as it was before awg, in words; undefined if it was, or
 * the new state has one. Reads only, after the plan was executed.
 */
export async function resolverLeft(
  resolver: ResolverPort,
  { resources }: Pick<DesiredState, "resources">,
  plan: Plan,
): Promise<string | undefined> {
  if (resources.some(({ kind }) => kind === "resolver")) return undefined;
  const kept = resolver.unrestored?.();
  if (kept !== undefined) return keptText(kept);
  if (!isLetGo(plan)) return undefined;
  const { method, ownedByAwg, servers, search } = await resolver.read();
  const isWritten = method === "file" && !ownedByAwg && servers.length + search.length > 0;
  return isWritten ? "the resolver's file, which another program rewrote: it stays as it is" : undefined;
}

function keptText({ obstacle, path, place, isFile }: OriginalStatus): string {
  if (!isFile) return `${obstacle}: there was no file before awg; ${shellWord(place)} records that and can be deleted`;
  return `${obstacle}: the original ${path} is kept in ${place}; remove the obstacle and the next awg apply or destroy restores it`;
}

/**
 * Deletes the saved original of a file that is no longer ours: restoring it later would overwrite its owner's changes.
 * No step does this if only the ledger forgets the resolver. A retained resolver stays ours, with its original.
 */
export async function forgetReplaced(resolver: ResolverPort, plan: Plan): Promise<void> {
  if (!isLetGo(plan)) return;
  const { method, ownedByAwg } = await resolver.read();
  if (method === "file" && !ownedByAwg) await resolver.restore();
}

function isLetGo(plan: Plan): boolean {
  return stepsOf(plan).some(({ kind, action }) => kind === "resolver" && action === "forget");
}

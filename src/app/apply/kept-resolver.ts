import type { OriginalStatus, ResolverPort } from "../../host/ports/resolver.ts";
import { type Plan, stepsOf } from "../../model/plan.ts";
import type { DesiredState } from "../../model/resources/desired-state.ts";
import { shellWord } from "../doctor/finding.ts";

/**
 * What of the resolver a state without one could not put back as it was before awg, and why, in words; undefined where it is, or
 * one is wanted. Reads only, once the plan is carried out.
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
  return isWritten ? "the resolver's file, which somebody wrote anew: it stays as it is" : undefined;
}

function keptText({ obstacle, path, place, isFile }: OriginalStatus): string {
  if (!isFile) return `${obstacle}: where it stands was no file before awg; ${shellWord(place)} says so and may go`;
  return `${obstacle}: what ${path} was before awg is kept in ${place}; once the way is free, the next awg apply or destroy puts it back`;
}

/**
 * Lets go of the original beside a file that is no longer ours, which would come back over what its owner makes of it later:
 * where the ledger alone lets go of the resolver no step does it. What is retained stays ours, with its original.
 */
export async function forgetReplaced(resolver: ResolverPort, plan: Plan): Promise<void> {
  if (!isLetGo(plan)) return;
  const { method, ownedByAwg } = await resolver.read();
  if (method === "file" && !ownedByAwg) await resolver.restore();
}

function isLetGo(plan: Plan): boolean {
  return stepsOf(plan).some(({ kind, action }) => kind === "resolver" && action === "forget");
}

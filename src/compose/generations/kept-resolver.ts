import type { KeptOriginal, ResolverPort } from "../../host/ports/resolver.ts";
import { type Plan, stepsOf } from "../../model/plan.ts";
import { shellWord } from "../doctor/finding.ts";

/** What stands in the way of the resolver's original, where that is kept and what puts it back, in words. Pure. */
export function keptText({ obstacle, path, place, isFile }: KeptOriginal): string {
  if (!isFile) return `${obstacle}: where it stands was no file before awg; ${shellWord(place)} says so and may go`;
  return `${obstacle}: what ${path} was before awg is kept in ${place}; once the way is free, the next awg destroy puts it back`;
}

/**
 * Lets go of the original beside a file that is no longer ours, which would come back over what its owner makes of it later:
 * where the ledger alone lets go of the resolver no step does it. What is retained stays ours, with its original.
 */
export async function forgetReplaced(resolver: ResolverPort, plan: Plan): Promise<void> {
  if (!stepsOf(plan).some(({ kind, action }) => kind === "resolver" && action === "forget")) return;
  const { method, ownedByAwg } = await resolver.read();
  if (method === "file" && !ownedByAwg) await resolver.restore();
}

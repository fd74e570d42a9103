import { AwgError } from "../../model/error.ts";
import type { Generation } from "../../reconciler/apply/stores.ts";
import { refuseUnsupported } from "../generations/failure.ts";
import type { LoadedConfig, Planned } from "../session.ts";
import type { SessionParts } from "../session-parts.ts";
import { expandConfig } from "./expand-config.ts";
import { factsWantedBy } from "./facts-wanted.ts";
import { planDesired } from "./plan-desired.ts";
import { trafficSentence } from "./traffic.ts";

/** The plan from the machine to a config. */
export async function planConfig(parts: SessionParts, { config, hash, sources }: LoadedConfig): Promise<Planned> {
  if (config === undefined) throw new AwgError("bug", "a plan was asked of a config with errors");
  const { host, stores } = parts;
  const facts = await host.facts.read(factsWantedBy(config));
  const expansion = await expandConfig(parts, config, facts, await stores.generations.latest());
  refuseUnsupported(expansion);
  const { plan, notes } = await planDesired(parts, expansion.desired);
  return {
    verb: "apply",
    plan,
    desired: expansion.desired,
    configHash: hash,
    fingerprint: facts.fingerprint,
    pathNumbers: expansion.pathNumbers,
    sources,
    notes: [...expansion.notes, ...notes],
    traffic: trafficSentence(plan),
  };
}

/** The plan towards a generation as it stands in the store; undefined is the state before the first. */
export async function planGeneration(parts: SessionParts, generation: Generation | undefined): Promise<Planned> {
  const { fingerprint } = await parts.host.facts.read({ users: [], hosts: [] });
  const { desired = { resources: [] }, configHash = "", pathNumbers = {} } = generation ?? {};
  const { plan, notes } = await planDesired(parts, desired);
  const traffic = trafficSentence(plan);
  return { verb: "apply", plan, desired, configHash, fingerprint, pathNumbers, sources: [], notes, traffic };
}

/** The plan that removes everything awg made. */
export async function planDestroy(parts: SessionParts): Promise<Planned> {
  return { ...(await planGeneration(parts, undefined)), verb: "destroy" };
}

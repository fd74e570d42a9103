import { type Plan, stepsOf } from "../../model/plan.ts";
import type { Resource } from "../../model/resource.ts";
import type { DesiredState } from "../../model/resources/desired-state.ts";
import type { SecretId } from "../../model/secret.ts";
import type { DriverRegistry } from "../../resources/driver.ts";
import { SECRET_OBFUSCATION_KEY } from "../../uapi/obfuscation.ts";
import type { Generation } from "../journal/generation.ts";
import type { Stores } from "../journal/stores.ts";
import { entriesByKey, type Ledger, type LedgerEntry } from "../plan/ledger.ts";
import { driverOf } from "../plan/observation.ts";

/** The ledger after the plan: every desired resource, with the original that awg will restore one day. Pure. */
export function nextLedger(
  ledger: Ledger,
  desired: DesiredState,
  plan: Plan,
  generation: number,
  registry: DriverRegistry,
): Ledger {
  const entries = entriesByKey(ledger);
  const firstStep = new Map(
    stepsOf(plan)
      .toReversed()
      .map((step) => [step.key, step]),
  );
  const next = desired.resources.map(({ kind, key, spec }): LedgerEntry => {
    const driver = driverOf(registry, kind);
    const before = firstStep.get(key)?.before ?? null;
    const original = driver.remember?.(entries.get(key)?.original ?? null, before, spec) ?? null;
    return { kind, key, spec, original };
  });
  return { generation, entries: next.toSorted((a, b) => (a.key < b.key ? -1 : a.key > b.key ? 1 : 0)) };
}

/** Ids of all secrets that resources name, sorted. Pure. */
export function secretIdsOf(resources: readonly Pick<Resource, "kind" | "spec">[]): readonly SecretId[] {
  const ids = new Set<SecretId>();
  for (const resource of resources as readonly Resource[]) {
    if (resource.kind !== "tunnel") continue;
    ids.add(resource.spec.privateKey);
    const headerKey = resource.spec.obfuscation[SECRET_OBFUSCATION_KEY];
    if (headerKey !== undefined) ids.add(headerKey as SecretId);
    for (const peer of resource.spec.peers) if (peer.presharedKey !== undefined) ids.add(peer.presharedKey);
  }
  return [...ids].toSorted();
}

/**
 * Makes a verified state the accepted one: writes the generation, then the ledger that names it, then closes the
 * journal. Every write is repeatable: after a crash all are done again.
 */
export async function acceptState(stores: Stores, generation: Generation, ledger: Ledger): Promise<void> {
  await stores.generations.write(generation);
  await stores.ledger.write(ledger);
  await stores.journal.clear();
  const needed = await neededSecrets(stores);
  if (needed !== undefined) await stores.secrets?.prune(needed);
  await keepRoom(stores, ledger);
}

/** The same for a repair of the accepted state: its generation is stored already, and only its secrets are kept. */
export async function acceptRepair(stores: Stores, ledger: Ledger): Promise<void> {
  await stores.ledger.write(ledger);
  await stores.journal.clear();
  await keepRoom(stores, ledger);
}

async function keepRoom(stores: Stores, ledger: Ledger): Promise<void> {
  await (ledger.entries.length > 0 ? stores.diskReserve?.refill() : stores.diskReserve?.release());
}

/** Undefined if a generation cannot be read: repairing it may need any secret. */
async function neededSecrets({ generations, secrets }: Stores): Promise<ReadonlySet<SecretId> | undefined> {
  if (secrets === undefined) return undefined;
  const needed = new Set<SecretId>();
  try {
    for (const number of await generations.numbers()) {
      for (const id of (await generations.read(number))?.secretIds ?? []) needed.add(id);
    }
  } catch {
    return undefined;
  }
  return needed;
}

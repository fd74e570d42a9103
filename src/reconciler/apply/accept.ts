import { type Plan, stepsOf } from "../../model/plan.ts";
import type { DesiredState, Resource } from "../../model/resource.ts";
import type { SecretId } from "../../model/secret.ts";
import type { DriverRegistry } from "../../resources/driver.ts";
import { SECRET_OBFUSCATION_KEY } from "../../uapi/obfuscation.ts";
import { entriesByKey, type Ledger, type LedgerEntry } from "../plan/ledger.ts";
import { driverOf } from "../plan/observation.ts";
import type { Generation, Stores } from "./stores.ts";

/** The ledger once the plan holds: every desired resource, with the original of what awg puts back one day. Pure. */
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
 * Makes a verified state the accepted one: generation first, then the ledger that names it, then the journal is closed.
 * Every write is repeatable, so a crash between two of them is mended by doing all again.
 */
export async function acceptState(stores: Stores, generation: Generation, ledger: Ledger): Promise<void> {
  await stores.generations.write(generation);
  await stores.ledger.write(ledger);
  await stores.journal.clear();
  const needed = await neededSecrets(stores);
  if (needed !== undefined) await stores.secrets?.prune(needed);
  await keepRoom(stores, ledger);
}

/** The same where the machine was put back to what holds: its generation stands, and so do its secrets and no others. */
export async function acceptRepair(stores: Stores, ledger: Ledger): Promise<void> {
  await stores.ledger.write(ledger);
  await stores.journal.clear();
  await keepRoom(stores, ledger);
}

async function keepRoom(stores: Stores, ledger: Ledger): Promise<void> {
  await (ledger.entries.length > 0 ? stores.diskReserve?.refill() : stores.diskReserve?.release());
}

/** Undefined where a generation cannot be read: whoever mends it may need any of them. */
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

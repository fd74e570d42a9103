import type { DesiredState } from "../../model/resources/desired-state.ts";
import { bootTimeMs } from "../../reconciler/apply/outcome.ts";
import type { Generation } from "../../reconciler/journal/generation.ts";
import { type OpenTransaction, readOpenTransaction, verifiedState } from "../../reconciler/journal/open-transaction.ts";
import type { Ledger } from "../../reconciler/plan/ledger.ts";
import type { HostParts } from "../parts.ts";

/** The state that the host should have now. */
export interface StateInForce {
  /** The generation that waits for confirmation, else the accepted one; undefined if there is none. */
  readonly generation: Generation | undefined;
  /** The ledger of that generation. */
  readonly desired: DesiredState;
  readonly ledger: Ledger;
  /** Number of the accepted generation; 0 before the first. */
  readonly acceptedNumber: number;
  readonly open: OpenTransaction | undefined;
}

/** Reads the state to compare the host with. Changes nothing. */
export async function readStateInForce(parts: Pick<HostParts, "stores" | "clock">): Promise<StateInForce> {
  const { stores } = parts;
  const latest = await stores.generations.latest();
  const accepted = await stores.ledger.read();
  const open = await readOpenTransaction(stores.journal);
  const { generation, ledger } = verifiedState(open, bootTimeMs(parts)) ?? { generation: latest, ledger: accepted };
  const desired = generation?.number === ledger.generation ? generation.desired : { resources: [] };
  return { generation, desired, ledger, acceptedNumber: (open?.accept?.generation ?? latest)?.number ?? 0, open };
}

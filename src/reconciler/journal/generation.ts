import type { DesiredState } from "../../model/resources/desired-state.ts";
import type { SecretId } from "../../model/secret.ts";

/** An accepted desired state. */
export interface Generation {
  /** Counts from 1; the ledger names the current one. */
  readonly number: number;
  readonly configHash: string;
  /** Milliseconds since the epoch. */
  readonly acceptedMs: number;
  readonly desired: DesiredState;
  /** Path numbers by tunnel key, so that each tunnel keeps its number. */
  readonly pathNumbers: Readonly<Record<string, number>>;
  /** Secrets that the desired state names; they are kept as long as the generation. */
  readonly secretIds: readonly SecretId[];
}

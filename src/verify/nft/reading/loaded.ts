import type { Term } from "../../space/packet-fields.ts";
import type { RegisterValue } from "./register-value.ts";

/** What a load puts into a register, and what must hold for the rule not to break off there. */
export interface Loaded {
  readonly value: RegisterValue;
  readonly needs: readonly Term[];
}

/** A value that every packet has. */
export function free(value: RegisterValue): Loaded {
  return { value, needs: [] };
}

/** One that awg cannot say. */
export function opaque(what: string): Loaded {
  return free({ kind: "opaque", what });
}

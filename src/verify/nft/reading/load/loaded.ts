import type { Term } from "../../../space/packet-fields.ts";
import type { RegisterValue } from "../register-value.ts";

/** The value that an expression loads into a register, and the condition for the rule to continue. */
export interface Loaded {
  readonly value: RegisterValue;
  readonly needs: readonly Term[];
}

/** A value with no condition. */
export function free(value: RegisterValue): Loaded {
  return { value, needs: [] };
}

/** An unknown value. */
export function opaque(what: string): Loaded {
  return free({ kind: "opaque", what });
}

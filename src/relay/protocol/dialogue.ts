import type { UdpAddress } from "../../native/packet-system.ts";

/** A destination as a proxy gets it: 4 or 16 bytes and a port. */
export type Target = Pick<UdpAddress, "address" | "port">;

/** Name and password for a proxy. */
export interface Credentials {
  readonly username: string;
  readonly password: string;
}

/** What follows from received bytes. */
export type Step =
  /** The answer is not complete. */
  | { readonly kind: "wait" }
  | { readonly kind: "send"; readonly bytes: Uint8Array }
  /** `rest` came after the last answer and belongs to the connection; `bound` is the address that a SOCKS5 proxy names. */
  | { readonly kind: "done"; readonly rest: Uint8Array; readonly bound?: Target }
  /** `refused`: the proxy works, and refuses this command. `reason` is for people and holds nothing that the proxy chose. */
  | { readonly kind: "failed"; readonly reason: string; readonly refused?: RefusalKind };

/** What a working proxy refused: the name and password, the command itself, or this destination. */
export type RefusalKind = "credentials" | "command" | "destination";

/** The exchange with a proxy before a connection carries data: bytes in, bytes out. */
export interface Dialogue {
  /** Sent first. */
  readonly hello: Uint8Array;
  /** Takes what arrived. After `done` or `failed` it must not be called again. */
  receive(bytes: Uint8Array): Step;
}

/** Both, in order. */
export function joinBytes(first: Uint8Array, second: Uint8Array): Uint8Array {
  if (first.length === 0) return second;
  const joined = new Uint8Array(first.length + second.length);
  joined.set(first);
  joined.set(second, first.length);
  return joined;
}

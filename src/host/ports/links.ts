import type { Leftover, LinkHolder, LinkObserved, LinkSpec } from "../../model/resources/link.ts";

/** Devices and their addresses. */
export interface LinkPort {
  /** Every device of the host, ours or not, loopback included. */
  read(): Promise<readonly LinkObserved[]>;
  /**
   * Creates the device if absent (the keeper holds it open) and sets exactly the spec's alias, MTU and addresses, and
   * up. Idempotent.
   */
  ensure(spec: LinkSpec): Promise<void>;
  /** Removes the device if it has our alias; absent is success, a foreign device a conflict. */
  remove(device: string): Promise<void>;
  /** The process that holds a device awg did not make; undefined where none is visible. */
  readHolder?(device: string): Promise<LinkHolder | undefined>;
  /** What wg-quick set up around a device: policy rules, routes, packet filter tables. */
  readLeftovers?(device: string): Promise<readonly Leftover[]>;
  /**
   * Adopts a device that another program's engine holds, and leaves the engine running. The device gets our alias, MTU
   * and addresses, and from now on outlives the engine. Idempotent. AwgError conflict where no engine holds it.
   */
  adopt?(spec: LinkSpec): Promise<void>;
  /** Returns an adopted device to its engine, in the state that `spec` describes. Idempotent. */
  release?(spec: LinkSpec): Promise<void>;
  /** Restores leftovers around a device, then removes others; "already so" and "already gone" count as success. */
  changeLeftovers?(
    device: string,
    changes: { readonly back: readonly Leftover[]; readonly away: readonly Leftover[] },
  ): Promise<void>;
}

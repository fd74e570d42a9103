import type { Leftover, LinkHolder, LinkObserved, LinkSpec } from "../../model/resources/link.ts";

/** Devices and their addresses. */
export interface LinkPort {
  /** Every device of the machine, ours or not, loopback included. */
  read(): Promise<readonly LinkObserved[]>;
  /** Makes the device if absent (the keeper holds it open), sets alias, mtu, addresses, up; exact afterwards. Repeatable. */
  ensure(spec: LinkSpec): Promise<void>;
  /** Removes the device of that name if it carries our alias; absent is success, foreign is a conflict. */
  remove(device: string): Promise<void>;
  /** The process that holds a device which is not ours; undefined where none is seen. */
  readHolder?(device: string): Promise<LinkHolder | undefined>;
  /** What wg-quick set up around a device: policy rules, routes, packet filter tables. */
  readLeftovers?(device: string): Promise<readonly Leftover[]>;
  /**
   * Takes over a device that another program's engine holds and leaves that engine running: the device gets our alias,
   * mtu and addresses, and outlives the engine from now on. Repeatable. AwgError conflict where no engine holds it.
   */
  adopt?(spec: LinkSpec): Promise<void>;
  /** Gives a device that was taken over back to the engine that holds it, as `spec` says it was. Repeatable. */
  release?(spec: LinkSpec): Promise<void>;
  /** Puts leftovers back around a device, then takes others away; "already so" and "already gone" are success. */
  changeLeftovers?(
    device: string,
    changes: { readonly back: readonly Leftover[]; readonly away: readonly Leftover[] },
  ): Promise<void>;
}

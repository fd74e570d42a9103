import type { LinkObserved, LinkSpec } from "../../model/spec/link.ts";

/** Devices and their addresses. */
export interface LinkPort {
  /** Every device of the machine, ours or not, loopback included. */
  read(): Promise<readonly LinkObserved[]>;
  /** Makes the device if absent (the keeper holds it open), sets alias, mtu, addresses, up; exact afterwards. Repeatable. */
  ensure(spec: LinkSpec): Promise<void>;
  /** Removes the device of that name if it carries our alias; absent is success, foreign is a conflict. */
  remove(device: string): Promise<void>;
}

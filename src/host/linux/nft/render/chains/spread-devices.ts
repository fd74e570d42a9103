import type { RenderedTable } from "../rendered-table.ts";

/** The most devices that the kernel takes in one base chain (one less than NFT_NETDEVICE_MAX of net/netfilter/nf_tables_api.c). */
export const DEVICES_OF_A_CHAIN = 255;

/** One of the copies: `frames` has the number 1, `frames-2` the number 2. */
export interface SpreadPart {
  readonly number: number;
  readonly devices: readonly string[];
}

/**
 * The same table for a kernel that takes so many devices in a base chain: the others are hooked by chains that are its copies,
 * `frames-2`, `frames-3` and so on. A device is in one of them, so that each packet is judged as often as before. Pure.
 *
 * @param spread the devices by chains, where they are spread otherwise than a load would
 */
export function spreadDevices(table: RenderedTable, spread?: readonly SpreadPart[]): RenderedTable {
  const copies = new Map<string, readonly string[]>();
  const chains = table.chains.flatMap((chain) => {
    const { base, name } = chain;
    if (base?.devices === undefined) return [chain];
    const parts = spread ?? inParts(base.devices);
    const copy = (number: number): string => (number === 1 ? name : `${name}-${number}`);
    copies.set(
      name,
      parts.map(({ number }) => copy(number)),
    );
    return parts.map(({ number, devices }) => ({ ...chain, name: copy(number), base: { ...base, devices } }));
  });
  const rules = table.rules.flatMap((rule) => copies.get(rule.chain)?.map((chain) => ({ ...rule, chain })) ?? rule);
  return { ...table, chains, rules };
}

function inParts(devices: readonly string[]): SpreadPart[] {
  const count = Math.max(1, Math.ceil(devices.length / DEVICES_OF_A_CHAIN));
  return Array.from({ length: count }, (_, part) => ({
    number: part + 1,
    devices: devices.slice(part * DEVICES_OF_A_CHAIN, (part + 1) * DEVICES_OF_A_CHAIN),
  }));
}

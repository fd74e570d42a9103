import { expect, test } from "vitest";
import { spreadOf } from "../../../../../src/host/linux/nft/observe/own-tables.ts";
import { comparePartsOf, partsOfRendered } from "../../../../../src/host/linux/nft/observe/table-parts.ts";
import { uncoveredDevices } from "../../../../../src/host/linux/nft/observe/uncovered-devices.ts";
import { spreadDevices } from "../../../../../src/host/linux/nft/render/chains/spread-devices.ts";
import { renderEgressTable } from "../../../../../src/host/linux/nft/render/egress-table.ts";
import type { NftChain } from "../../../../../src/native/linux/nftables/chain.codec.ts";
import { LAPTOP } from "../../../../model/firewall/policies.ts";

const DEVICES = Array.from({ length: 600 }, (_, number) => `many${number}`);
const OPTIONS = { owned: false };
const TABLE = spreadDevices(renderEgressTable(LAPTOP, DEVICES, OPTIONS));

/** The table without these chains, and without what is in them. */
function without(names: readonly string[]): typeof TABLE {
  return {
    ...TABLE,
    chains: TABLE.chains.filter(({ name }) => !names.includes(name)),
    rules: TABLE.rules.filter(({ chain }) => !names.includes(chain)),
  };
}

/** What a comparison with what stands tells. */
function damageOf(standing: typeof TABLE): readonly string[] {
  const spread = spreadOf(standing.chains);
  const devices = spread.flatMap((part) => part.devices);
  const expected = spreadDevices(renderEgressTable(LAPTOP, devices, OPTIONS), spread);
  return comparePartsOf("netdev awg", partsOfRendered(expected), partsOfRendered(standing));
}

/** Takes a device off one chain. */
const takenOff = (chains: readonly NftChain[], chain: string, device: string): NftChain[] =>
  chains.map((one) =>
    one.name === chain && one.base?.devices !== undefined
      ? { ...one, base: { ...one.base, devices: one.base.devices.filter((name) => name !== device) } }
      : one,
  );

test("S9.1: the chains of all devices of a machine cover them", () => {
  expect(damageOf(TABLE)).toEqual([]);
  expect(uncoveredDevices(TABLE.chains, LAPTOP, DEVICES)).toEqual([]);
});

test.each([
  ["frames", "many7", "frames that leave by the device many7 are not judged yet"],
  ["frames-2", "many300", "frames that leave by the device many300 are not judged yet"],
])("S9.1: a device that was taken off %s alone is damage", (chain, device, sentence) => {
  expect(uncoveredDevices(takenOff(TABLE.chains, chain, device), LAPTOP, DEVICES)).toEqual([sentence]);
});

test("a device on no chain is reported once", () => {
  const sentence = "frames that leave by the device eth9 are not judged yet";
  expect(uncoveredDevices(TABLE.chains, LAPTOP, [...DEVICES, "eth9"])).toEqual([sentence]);
});

/** Kernels that keep no chain without devices take one away with its last (nft_netdev_event of net/netfilter/nft_chain_filter.c). */
test.each([["frames"], ["frames-2"], ["frames-3"]])("no copy that went with its devices is damage: %s", (gone) => {
  expect(damageOf(without([gone]))).toEqual([]);
});

test("the devices of a copy that went are damage while they exist", () => {
  expect(uncoveredDevices(without(["frames-2"]).chains, LAPTOP, DEVICES)).toHaveLength(255);
});

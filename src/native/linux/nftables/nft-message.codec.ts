import { type MessageWriter, readU8 } from "../attribute.codec.ts";
import { encodeMessage, type NetlinkMessage } from "../netlink/message.codec.ts";
import type { TableFamily } from "./field.ts";

const SUBSYSTEM = 10 << 8;
const BATCH_BEGIN = 16;
const BATCH_END = 17;
const BATCH_GENERATION = 1;

/** Message types of nf_tables (enum nf_tables_msg_types), the subsystem included. */
export const NFT_MESSAGE = {
  newTable: SUBSYSTEM | 0,
  getTable: SUBSYSTEM | 1,
  deleteTable: SUBSYSTEM | 2,
  newChain: SUBSYSTEM | 3,
  getChain: SUBSYSTEM | 4,
  deleteChain: SUBSYSTEM | 5,
  newRule: SUBSYSTEM | 6,
  getRule: SUBSYSTEM | 7,
  deleteRule: SUBSYSTEM | 8,
  newSet: SUBSYSTEM | 9,
  getSet: SUBSYSTEM | 10,
  deleteSet: SUBSYSTEM | 11,
  newElement: SUBSYSTEM | 12,
  getElement: SUBSYSTEM | 13,
  deleteElement: SUBSYSTEM | 14,
  newGeneration: SUBSYSTEM | 15,
  getGeneration: SUBSYSTEM | 16,
  destroyTable: SUBSYSTEM | 26,
} as const;

/** The multicast group of changes to the ruleset (NFNLGRP_NFTABLES). */
export const NFT_GROUP = 7;

const FAMILY_NUMBERS: Readonly<Record<TableFamily, number>> = { inet: 1, ip: 2, arp: 3, netdev: 5, bridge: 7, ip6: 10 };
/** struct nfgenmsg: family, version, resource id. */
export const NFGEN_BYTES = 4;

/** Encodes a request to nf_tables; family 0 ("all") is for dumps. */
export function encodeNftMessage(
  type: number,
  family: TableFamily | "all",
  flags: number,
  body: (writer: MessageWriter) => void,
): Uint8Array {
  return encodeMessage(type, flags, (writer) => {
    writer.u8(family === "all" ? 0 : FAMILY_NUMBERS[family]);
    writer.u8(0);
    writer.u16(0);
    body(writer);
  });
}

/** The family of a reply; undefined for an unknown one. */
export function nftFamily({ payload }: NetlinkMessage): TableFamily | undefined {
  const number = readU8(payload, 0);
  const names = Object.keys(FAMILY_NUMBERS) as TableFamily[];
  return names.find((name) => FAMILY_NUMBERS[name] === number);
}

/** Opens a transaction; with a generation the kernel refuses it (ERESTART) if the ruleset has changed since. */
export function encodeBatchBegin(generation?: number): Uint8Array {
  return encodeBatchMark(BATCH_BEGIN, (writer) => {
    if (generation !== undefined) writer.attributeU32be(BATCH_GENERATION, generation);
  });
}

/** Closes a transaction, which is then committed whole or not at all. */
export function encodeBatchEnd(): Uint8Array {
  return encodeBatchMark(BATCH_END, () => {});
}

function encodeBatchMark(type: number, body: (writer: MessageWriter) => void): Uint8Array {
  return encodeMessage(type, 0, (writer) => {
    writer.u16(0);
    // The resource id, big endian, names the subsystem.
    writer.u8(0);
    writer.u8(SUBSYSTEM >> 8);
    body(writer);
  });
}

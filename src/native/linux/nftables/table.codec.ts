import { attributeMap, readText, readU32be, readU64be } from "../attribute.codec.ts";
import { type NetlinkMessage, NLM } from "../netlink/message.codec.ts";
import type { TableFamily } from "./field.ts";
import { encodeNftMessage, NFGEN_BYTES, NFT_MESSAGE, nftFamily } from "./nft-message.codec.ts";
import { decodeComment, encodeComment } from "./userdata.codec.ts";

const NFTA_TABLE = { name: 1, flags: 2, handle: 4, userdata: 6, owner: 7 } as const;
const FLAG = { dormant: 1, owner: 2, persist: 4 } as const;

/** A table: the container of chains and sets, and the unit of ownership. */
export interface NftTable {
  readonly family: TableFamily;
  readonly name: string;
  /** Only the socket that created it may change it, and `nft flush ruleset` of others skips it. */
  readonly owned: boolean;
  /**
   * It stays when its owner's socket is closed (kernel 6.9 and later); any process with CAP_NET_ADMIN may then delete
   * it.
   */
  readonly persistent: boolean;
  readonly dormant: boolean;
  readonly comment?: string;
  /** The netlink port of the owner; only when decoded. */
  readonly ownerPort?: number;
  readonly handle?: bigint;
}

export type NewTable = Pick<NftTable, "family" | "name"> & Partial<Pick<NftTable, "owned" | "persistent" | "comment">>;

/** Creates the table, or adopts a persistent one without an owner; an existing one is no error. */
export function encodeTable({ family, name, owned = false, persistent = false, comment }: NewTable): Uint8Array {
  return encodeNftMessage(NFT_MESSAGE.newTable, family, NLM.create, (writer) => {
    writer.attributeText(NFTA_TABLE.name, name);
    writer.attributeU32be(NFTA_TABLE.flags, (owned ? FLAG.owner : 0) | (persistent ? FLAG.persist : 0));
    if (comment !== undefined) writer.attribute(NFTA_TABLE.userdata, encodeComment("table", comment));
  });
}

/** Deletes the table with its contents. */
export function encodeTableDeletion(family: TableFamily, name: string): Uint8Array {
  return encodeNftMessage(NFT_MESSAGE.deleteTable, family, 0, (writer) => {
    writer.attributeText(NFTA_TABLE.name, name);
  });
}

/** Deletes the table with its contents; a missing table is no error (kernel 6.3 and later). */
export function encodeTableDestruction(family: TableFamily, name: string): Uint8Array {
  return encodeNftMessage(NFT_MESSAGE.destroyTable, family, 0, (writer) => {
    writer.attributeText(NFTA_TABLE.name, name);
  });
}

/** Requests all tables. */
export function encodeTableDump(): Uint8Array {
  return encodeNftMessage(NFT_MESSAGE.getTable, "all", NLM.dump, () => {});
}

/** The table of an NFT_MSG_NEWTABLE; undefined for other messages and families. */
export function decodeTable(message: NetlinkMessage): NftTable | undefined {
  const family = nftFamily(message);
  if (message.type !== NFT_MESSAGE.newTable || family === undefined) return undefined;
  const attributes = attributeMap(message.payload, NFGEN_BYTES);
  const [name, flagBytes, handle] = [NFTA_TABLE.name, NFTA_TABLE.flags, NFTA_TABLE.handle].map((t) =>
    attributes.get(t),
  );
  const flags = flagBytes === undefined ? 0 : readU32be(flagBytes);
  const comment = decodeComment("table", attributes.get(NFTA_TABLE.userdata));
  const owner = attributes.get(NFTA_TABLE.owner);
  return {
    family,
    name: name === undefined ? "" : readText(name),
    owned: (flags & FLAG.owner) !== 0,
    persistent: (flags & FLAG.persist) !== 0,
    dormant: (flags & FLAG.dormant) !== 0,
    ...(comment === undefined ? {} : { comment }),
    ...(owner === undefined ? {} : { ownerPort: readU32be(owner) }),
    ...(handle === undefined ? {} : { handle: readU64be(handle) }),
  };
}

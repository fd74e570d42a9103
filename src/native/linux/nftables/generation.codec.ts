import { attributeMap, readText, readU32be } from "../attribute.codec.ts";
import type { NetlinkMessage } from "../netlink/message.codec.ts";
import { encodeNftMessage, NFGEN_BYTES, NFT_MESSAGE } from "./nft-message.codec.ts";

const NFTA_GENERATION = { id: 1, pid: 2, name: 3 } as const;

/** The generation of the ruleset, which each transaction increments, and who made the last. */
export interface NftGeneration {
  readonly id: number;
  readonly changedByPid?: number;
  readonly changedByName?: string;
}

/** Requests the generation of the ruleset. */
export function encodeGenerationRequest(): Uint8Array {
  return encodeNftMessage(NFT_MESSAGE.getGeneration, "all", 0, () => {});
}

/** The generation of an NFT_MSG_NEWGEN, which also ends each transaction's events. */
export function decodeGeneration({ type, payload }: NetlinkMessage): NftGeneration | undefined {
  if (type !== NFT_MESSAGE.newGeneration) return undefined;
  const attributes = attributeMap(payload, NFGEN_BYTES);
  const [id, pid, name] = [NFTA_GENERATION.id, NFTA_GENERATION.pid, NFTA_GENERATION.name].map((at) =>
    attributes.get(at),
  );
  return {
    id: id === undefined ? 0 : readU32be(id),
    ...(pid === undefined ? {} : { changedByPid: readU32be(pid) }),
    ...(name === undefined ? {} : { changedByName: readText(name) }),
  };
}

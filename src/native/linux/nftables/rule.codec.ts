import { attributeMap, readText, readU64be } from "../attribute.codec.ts";
import { type NetlinkMessage, NLM } from "../netlink/message.codec.ts";
import type { Expression } from "./expression.ts";
import { decodeExpressions } from "./expression-decode.codec.ts";
import { writeExpressions } from "./expression-encode.codec.ts";
import type { TableFamily } from "./field.ts";
import { encodeNftMessage, NFGEN_BYTES, NFT_MESSAGE, nftFamily } from "./nft-message.codec.ts";
import { decodeComment, encodeComment } from "./userdata.codec.ts";

const NFTA_RULE = { table: 1, chain: 2, handle: 3, expressions: 4, userdata: 7 } as const;

export interface NftRule {
  readonly family: TableFamily;
  readonly table: string;
  readonly chain: string;
  readonly expressions: readonly Expression[];
  readonly comment?: string;
  /** The kernel's handle of the rule; only when decoded. */
  readonly handle?: bigint;
}

/** Adds the rule at the end of its chain. */
export function encodeRule({ family, table, chain, expressions, comment }: NftRule): Uint8Array {
  return encodeNftMessage(NFT_MESSAGE.newRule, family, NLM.create | NLM.append, (writer) => {
    writer.attributeText(NFTA_RULE.table, table);
    writer.attributeText(NFTA_RULE.chain, chain);
    const list = writer.begin(NFTA_RULE.expressions);
    writeExpressions(writer, expressions);
    writer.end(list);
    if (comment !== undefined) writer.attribute(NFTA_RULE.userdata, encodeComment("rule", comment));
  });
}

/** Deletes one rule by its handle, or, without one, all rules of the chain. */
export function encodeRuleRemoval({ family, table, chain, handle }: Omit<NftRule, "expressions">): Uint8Array {
  return encodeNftMessage(NFT_MESSAGE.deleteRule, family, 0, (writer) => {
    writer.attributeText(NFTA_RULE.table, table);
    writer.attributeText(NFTA_RULE.chain, chain);
    if (handle !== undefined) writer.attributeU64be(NFTA_RULE.handle, handle);
  });
}

/** Deletes all rules of a table; none is no error. */
export function encodeTableFlush({ family, table }: Pick<NftRule, "family" | "table">): Uint8Array {
  return encodeNftMessage(NFT_MESSAGE.deleteRule, family, 0, (writer) => {
    writer.attributeText(NFTA_RULE.table, table);
  });
}

/** Requests the rules of all tables, of one table, or of one chain. */
export function encodeRuleListing(family: TableFamily | "all" = "all", table?: string, chain?: string): Uint8Array {
  return encodeNftMessage(NFT_MESSAGE.getRule, family, NLM.dump, (writer) => {
    if (table !== undefined) writer.attributeText(NFTA_RULE.table, table);
    if (chain !== undefined) writer.attributeText(NFTA_RULE.chain, chain);
  });
}

/** The rule of an NFT_MSG_NEWRULE; undefined for other messages and families. */
export function decodeNftRule(message: NetlinkMessage): NftRule | undefined {
  const family = nftFamily(message);
  if (message.type !== NFT_MESSAGE.newRule || family === undefined) return undefined;
  const attributes = attributeMap(message.payload, NFGEN_BYTES);
  const [table, chain] = [attributes.get(NFTA_RULE.table), attributes.get(NFTA_RULE.chain)];
  const handle = attributes.get(NFTA_RULE.handle);
  const comment = decodeComment("rule", attributes.get(NFTA_RULE.userdata));
  return {
    family,
    table: table === undefined ? "" : readText(table),
    chain: chain === undefined ? "" : readText(chain),
    expressions: decodeExpressions(attributes.get(NFTA_RULE.expressions) ?? new Uint8Array()),
    ...(comment === undefined ? {} : { comment }),
    ...(handle === undefined ? {} : { handle: readU64be(handle) }),
  };
}

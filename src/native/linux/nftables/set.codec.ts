import { AwgError } from "../../../model/error.ts";
import { attributeMap, type MessageWriter, readText, readU32be, readU64be } from "../attribute.codec.ts";
import { type NetlinkMessage, NLM } from "../netlink/message.codec.ts";
import { FIELDS, type FieldName, fieldOf, type TableFamily } from "./field.ts";
import { encodeNftMessage, NFGEN_BYTES, NFT_MESSAGE, nftFamily } from "./nft-message.codec.ts";
import { decodeComment, encodeSetUserdata } from "./userdata.codec.ts";

const NFTA_SET = {
  table: 1,
  name: 2,
  flags: 3,
  keyType: 4,
  keyLength: 5,
  dataType: 6,
  dataLength: 7,
  description: 9,
  id: 10,
  timeout: 11,
  userdata: 13,
} as const;
const DESCRIPTION = { size: 1, concatenation: 2 } as const;
const FIELD_LENGTH = 1;
const LIST_ELEMENT = 1;
const FLAG = {
  anonymous: 1,
  constant: 2,
  interval: 4,
  map: 8,
  timeout: 0x10,
  evaluation: 0x20,
  concatenation: 0x80,
} as const;
const VERDICT_TYPE = 0xffffff00;
/** nft packs the types of a concatenation's fields 6 bits each. */
const TYPE_BITS = 6;

/** A named set: rules test whether fields of the packet are an element. */
export interface NftSet {
  readonly family: TableFamily;
  readonly table: string;
  readonly name: string;
  /** The fields of an element, in the order of the concatenation. */
  readonly fields: readonly FieldName[];
  /** Elements are ranges (including prefixes), not single values. */
  readonly intervals: boolean;
  /** Each element has a verdict (`lookup` into register 0). */
  readonly verdicts?: boolean;
  /** The timeout of elements. */
  readonly timeoutMs?: number;
  /** The maximum number of elements that rules add (`set-update`). */
  readonly mostElements?: number;
  readonly comment?: string;
}

/** A set as the kernel reports it, with lengths and type numbers but no field names. */
export interface ObservedSet {
  readonly family: TableFamily;
  readonly table: string;
  readonly name: string;
  readonly keyBytes: number;
  readonly keyType: number;
  readonly intervals: boolean;
  readonly concatenated: boolean;
  readonly verdicts: boolean;
  /** Rules add elements (`set-update`). */
  readonly isFilledByRules: boolean;
  /** It is a part of a rule (`{ 22, 80 }`), and is deleted with that rule alone. */
  readonly isAnonymous?: true;
  /** The maximum number of elements, if it has one. */
  readonly mostElements?: number;
  /** The default timeout of elements, if it has one. */
  readonly timeoutMs?: number;
  readonly comment?: string;
}

/** Bytes of a field in an element: each begins at a multiple of four. */
export function paddedBytes(name: FieldName): number {
  return Math.ceil(fieldOf(name).bytes / 4) * 4;
}

/** Length of a set's key. A single field is not padded. */
export function keyBytes(fields: readonly FieldName[]): number {
  const [only] = fields;
  if (fields.length === 1 && only !== undefined) return fieldOf(only).bytes;
  return fields.reduce((sum, name) => sum + paddedBytes(name), 0);
}

/**
 * Creates the set; `id` is any number unique in the transaction.
 *
 * @throws AwgError("bug") for intervals of a field in native order: the kernel compares bytes, and awg needs no
 * byte-swapped keys.
 */
export function encodeSet(set: NftSet, id: number): Uint8Array {
  const { family, table, name, fields, intervals, verdicts = false, timeoutMs, mostElements } = set;
  const concatenated = fields.length > 1;
  const hostOrder = fields.some((field) => ["host", "name"].includes(FIELDS[field].form));
  if (fields.length === 0 || (intervals && hostOrder)) {
    throw new AwgError(
      "bug",
      `the nf_tables set ${name} cannot hold ${intervals ? "ranges" : "values"} of [${fields}]`,
    );
  }
  const flags =
    (intervals ? FLAG.interval : 0) |
    (concatenated ? FLAG.concatenation : 0) |
    (verdicts ? FLAG.map : 0) |
    (mostElements === undefined ? 0 : FLAG.evaluation) |
    (timeoutMs === undefined ? 0 : FLAG.timeout);
  return encodeNftMessage(NFT_MESSAGE.newSet, family, NLM.create, (writer) => {
    writer.attributeText(NFTA_SET.table, table);
    writer.attributeText(NFTA_SET.name, name);
    writer.attributeU32be(NFTA_SET.flags, flags);
    writer.attributeU32be(NFTA_SET.keyType, keyType(fields));
    writer.attributeU32be(NFTA_SET.keyLength, keyBytes(fields));
    if (verdicts) {
      writer.attributeU32be(NFTA_SET.dataType, VERDICT_TYPE);
      writer.attributeU32be(NFTA_SET.dataLength, 0);
    }
    if (concatenated) writeDescription(writer, fields, mostElements);
    writer.attributeU32be(NFTA_SET.id, id);
    if (timeoutMs !== undefined) writer.attributeU64be(NFTA_SET.timeout, BigInt(timeoutMs));
    const order = hostOrder && !concatenated ? "host" : "network";
    writer.attribute(NFTA_SET.userdata, encodeSetUserdata(order, set.comment));
  });
}

/** Deletes a set. */
export function encodeSetDeletion({ family, table, name }: Pick<NftSet, "family" | "table" | "name">): Uint8Array {
  return encodeNftMessage(NFT_MESSAGE.deleteSet, family, 0, (writer) => {
    writer.attributeText(NFTA_SET.table, table);
    writer.attributeText(NFTA_SET.name, name);
  });
}

/** Requests all sets. */
export function encodeSetDump(family: TableFamily | "all" = "all", table?: string): Uint8Array {
  return encodeNftMessage(NFT_MESSAGE.getSet, family, NLM.dump, (writer) => {
    if (table !== undefined) writer.attributeText(NFTA_SET.table, table);
  });
}

/** The set of an NFT_MSG_NEWSET; undefined for other messages and families. */
export function decodeSet(message: NetlinkMessage): ObservedSet | undefined {
  const family = nftFamily(message);
  if (message.type !== NFT_MESSAGE.newSet || family === undefined) return undefined;
  const attributes = attributeMap(message.payload, NFGEN_BYTES);
  const text = (type: number) => {
    const bytes = attributes.get(type);
    return bytes === undefined ? "" : readText(bytes);
  };
  const number = (type: number) => {
    const bytes = attributes.get(type);
    return bytes === undefined ? 0 : readU32be(bytes);
  };
  const flags = number(NFTA_SET.flags);
  const comment = decodeComment("set", attributes.get(NFTA_SET.userdata));
  const timeout = attributes.get(NFTA_SET.timeout);
  const size = attributeMap(attributes.get(NFTA_SET.description) ?? new Uint8Array()).get(DESCRIPTION.size);
  return {
    family,
    table: text(NFTA_SET.table),
    name: text(NFTA_SET.name),
    keyBytes: number(NFTA_SET.keyLength),
    keyType: number(NFTA_SET.keyType),
    intervals: (flags & FLAG.interval) !== 0,
    concatenated: (flags & FLAG.concatenation) !== 0,
    verdicts: number(NFTA_SET.dataType) === VERDICT_TYPE,
    isFilledByRules: (flags & FLAG.evaluation) !== 0,
    ...((flags & FLAG.anonymous) === 0 ? {} : { isAnonymous: true }),
    ...(size === undefined ? {} : { mostElements: readU32be(size) }),
    ...((flags & FLAG.timeout) === 0 ? {} : { timeoutMs: timeout === undefined ? 0 : Number(readU64be(timeout)) }),
    ...(comment === undefined ? {} : { comment }),
  };
}

/** nft's number for the type of an element. */
export function keyType(fields: readonly FieldName[]): number {
  return fields.reduce((sum, name) => (sum << TYPE_BITS) | fieldOf(name).nftType, 0);
}

function writeDescription(writer: MessageWriter, fields: readonly FieldName[], size: number | undefined): void {
  const description = writer.begin(NFTA_SET.description);
  if (size !== undefined) writer.attributeU32be(DESCRIPTION.size, size);
  const list = writer.begin(DESCRIPTION.concatenation);
  for (const name of fields) {
    const element = writer.begin(LIST_ELEMENT);
    writer.attributeU32be(FIELD_LENGTH, fieldOf(name).bytes);
    writer.end(element);
  }
  writer.end(list);
  writer.end(description);
}

import type { JsonValue } from "@bufbuild/protobuf";
import {
  create,
  createFileRegistry,
  type DescMessage,
  fromBinary,
  fromJson,
  toBinary,
  toJson,
} from "@bufbuild/protobuf";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { AnySchema, FileDescriptorProtoSchema, file_google_protobuf_struct } from "@bufbuild/protobuf/wkt";
import { AWG_PROTO, type AwgMessage, type AwgProto } from "../../api/grpc/awg-proto.ts";
import { SCALARS } from "../../api/grpc/proto.ts";
import { describeProto } from "../../api/grpc/proto-text.ts";

type MessageName = keyof AwgProto["messages"] & string;

const file = fromJson(FileDescriptorProtoSchema, describeProto(AWG_PROTO, SCALARS) as JsonValue);
const registry = createFileRegistry(file, () => file_google_protobuf_struct);

/** A message as bytes; it is given in the JSON form of protobuf. */
export function encodeMessage<M extends MessageName>(name: M, value: AwgMessage<M>): Buffer {
  const schema = schemaOf(name);
  return Buffer.from(toBinary(schema, fromJson(schema, value as JsonValue)));
}

/**
 * A message from bytes that a client sent; fields that it left out have their defaults, and those that this version does
 * not know are dropped.
 */
export function decodeMessage<M extends MessageName>(name: M, bytes: Uint8Array): AwgMessage<M> {
  const schema = schemaOf(name);
  return toJson(schema, fromBinary(schema, bytes), { alwaysEmitImplicit: true }) as AwgMessage<M>;
}

/** google.rpc.Status (google/rpc/status.proto) with one detail, as `grpc-status-details-bin` carries it. */
export function encodeStatus(code: number, message: string, detail: AwgMessage<"ErrorDetail">): Buffer {
  const any = create(AnySchema, {
    typeUrl: `type.googleapis.com/${AWG_PROTO.package}.ErrorDetail`,
    value: encodeMessage("ErrorDetail", detail),
  });
  const writer = new BinaryWriter().tag(1, WireType.Varint).int32(code);
  writer.tag(2, WireType.LengthDelimited).string(message);
  writer.tag(3, WireType.LengthDelimited).bytes(toBinary(AnySchema, any));
  return Buffer.from(writer.finish());
}

function schemaOf(name: MessageName): DescMessage {
  const found = registry.getMessage(`${AWG_PROTO.package}.${name}`);
  if (found === undefined) throw new Error(`no message ${name}`);
  return found;
}

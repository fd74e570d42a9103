import { connect } from "node:net";
import { createFileRegistry, fromJson, type JsonValue, type Message, toJson } from "@bufbuild/protobuf";
import { FileDescriptorProtoSchema, file_google_protobuf_struct } from "@bufbuild/protobuf/wkt";
import { createClient } from "@connectrpc/connect";
import { createGrpcTransport } from "@connectrpc/connect-node";
import { AWG_PROTO, type AwgMethod } from "../../../src/api/grpc/awg-proto.ts";
import { SCALARS } from "../../../src/api/grpc/proto.ts";
import { describeProto } from "../../../src/api/grpc/proto-text.ts";

const file = fromJson(FileDescriptorProtoSchema, describeProto(AWG_PROTO, SCALARS) as JsonValue);
const registry = createFileRegistry(file, () => file_google_protobuf_struct);

/** Calls a unary method by Connect's gRPC client, on a connection of its own; gives the answer in protobuf's JSON form. */
export async function callByConnect(socket: string, method: AwgMethod): Promise<unknown> {
  const service = registry.getService("awg.v1.Awg");
  const found = service?.methods.find(({ name }) => name === method);
  if (service === undefined || found === undefined) throw new Error(`there is no method ${method}`);
  const sockets: { destroy(): void }[] = [];
  const createConnection = () => {
    const opened = connect(socket);
    sockets.push(opened);
    return opened;
  };
  const transport = createGrpcTransport({ baseUrl: "http://awg", nodeOptions: { createConnection } });
  const client = createClient(service, transport) as Record<string, (request: object) => Promise<Message>>;
  try {
    return toJson(found.output, (await client[found.localName]?.({})) as Message, {
      registry,
      useProtoFieldName: true,
    });
  } finally {
    for (const opened of sockets) opened.destroy();
  }
}

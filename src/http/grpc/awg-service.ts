import type { ServiceDefinition } from "@grpc/grpc-js";
import { AWG_PROTO, type AwgMessage, type AwgMethod } from "../../api/grpc/awg-proto.ts";
import type { Role } from "../../api/role.ts";
import { AwgError } from "../../model/error.ts";
import type { ApiParts } from "../router.ts";
import { answerStream, answerUnary, type StreamCall, type UnaryCall } from "./answer-call.ts";
import { decodeMessage, encodeMessage } from "./codec.ts";
import type { GrpcCall } from "./handler.ts";
import { HANDLERS } from "./handlers.ts";

const METHODS = Object.keys(AWG_PROTO.methods) as readonly AwgMethod[];
const same = (bytes: Buffer): Buffer => bytes;

/** The service as grpc-js knows it: messages are bytes there. */
export const AWG_SERVICE: ServiceDefinition = Object.fromEntries(
  METHODS.map((name) => [
    name,
    {
      path: `/${AWG_PROTO.package}.${AWG_PROTO.service}/${name}`,
      requestStream: false,
      responseStream: isStream(name),
      requestSerialize: same,
      requestDeserialize: same,
      responseSerialize: same,
      responseDeserialize: same,
    },
  ]),
);

interface Connection {
  readonly role: Role;
  readonly parts: ApiParts;
  readonly cut: () => void;
}

/** Handlers for a client with this role, by the name of their method. */
export function awgCalls(connection: Connection): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    METHODS.map((name) => [name, isStream(name) ? streamed(name, connection) : unary(name, connection)]),
  );
}

type AnyUnary = (request: object, call: GrpcCall) => Promise<object>;
type AnyStream = (request: object, call: GrpcCall, send: (message: object) => void) => Promise<void>;

function unary(name: AwgMethod, { role, parts }: Connection): UnaryCall {
  return answerUnary(async (bytes, signal) => {
    refuseRole(name, role);
    const { request, response } = AWG_PROTO.methods[name];
    const answer = await (HANDLERS[name] as AnyUnary)(decodeRequest(request, bytes), { role, parts, signal });
    return encodeMessage(response, answer as AwgMessage<typeof response>);
  });
}

function streamed(name: AwgMethod, { role, parts, cut }: Connection): StreamCall {
  return answerStream(cut, async (bytes, signal, send) => {
    refuseRole(name, role);
    const { request, response } = AWG_PROTO.methods[name];
    const sendMessage = (message: object): void =>
      send(encodeMessage(response, message as AwgMessage<typeof response>));
    await (HANDLERS[name] as AnyStream)(decodeRequest(request, bytes), { role, parts, signal }, sendMessage);
  });
}

function isStream(name: AwgMethod): boolean {
  return "isStream" in AWG_PROTO.methods[name];
}

/** AwgError usage for bytes that are no such message. */
function decodeRequest(name: (typeof AWG_PROTO.methods)[AwgMethod]["request"], bytes: Buffer): object {
  try {
    return decodeMessage(name, bytes);
  } catch {
    throw new AwgError("usage", `the request is no ${name}`, { remedy: "see schema/awg.proto" });
  }
}

function refuseRole(name: AwgMethod, role: Role): void {
  if (AWG_PROTO.methods[name].role === "viewer" || role === "admin") return;
  throw new AwgError("permission", `only an admin may call ${name}`, { remedy: "use root, or a member of group awg" });
}

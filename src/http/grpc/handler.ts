import type { AwgMessage, AwgMethod, AwgProto } from "../../api/grpc/awg-proto.ts";
import type { Role } from "../../api/role.ts";
import type { ApiParts } from "../router.ts";

type RequestOf<M extends AwgMethod> = AwgMessage<AwgProto["methods"][M]["request"]>;
type ResponseOf<M extends AwgMethod> = AwgMessage<AwgProto["methods"][M]["response"]>;

/** What a handler knows of its call. */
export interface GrpcCall {
  readonly role: Role;
  readonly parts: ApiParts;
  /** Aborted when the client leaves or its deadline is over. */
  readonly signal: AbortSignal;
}

/** Answers a call with one message. */
export type UnaryHandler<M extends AwgMethod> = (request: RequestOf<M>, call: GrpcCall) => Promise<ResponseOf<M>>;

/** Answers a call with a stream, which ends when it returns. */
export type StreamHandler<M extends AwgMethod> = (
  request: RequestOf<M>,
  call: GrpcCall,
  send: (message: ResponseOf<M>) => void,
) => Promise<void>;

/** Methods that answer with a stream. */
export type StreamMethod = {
  [M in AwgMethod]: AwgProto["methods"][M] extends { readonly isStream: true } ? M : never;
}[AwgMethod];

export type HandlersFor<M extends AwgMethod> = {
  readonly [K in M]: K extends StreamMethod ? StreamHandler<K> : UnaryHandler<K>;
};

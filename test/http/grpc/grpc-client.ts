import { join } from "node:path";
import { type Client, credentials, loadPackageDefinition, type Metadata, type ServiceError } from "@grpc/grpc-js";
import { fromJSON, loadSync, type Options } from "@grpc/proto-loader";
import { ROOT } from "../../repository/sources.ts";

type Json = Readonly<Record<string, unknown>>;
type Unary = (
  request: Json,
  options: { deadline: number },
  done: (error: ServiceError | null, answer: Json) => void,
) => void;
type Stream = (request: Json, options?: { deadline: number }) => NodeJS.ReadableStream & { cancel(): void };

const OPTIONS: Options = { keepCase: true, longs: Number, defaults: true };
/** By itself grpc-js shares connections between clients, and a connection has one role. */
const OWN_CONNECTION = { "grpc.enable_retries": 0, "grpc.use_local_subchannel_pool": 1 };
const HEALTH = {
  nested: {
    "grpc.health.v1": {
      nested: {
        Request: { fields: { service: { type: "string", id: 1 } } },
        Response: { fields: { status: { type: "int32", id: 1 } } },
        Health: {
          methods: {
            Check: { requestType: "Request", responseType: "Response" },
            Watch: { requestType: "Request", responseType: "Response", responseStream: true },
          },
        },
      },
    },
  },
};

/** A call that failed, as its client sees it. */
export interface FailedCall {
  readonly code: number;
  readonly details: string;
  /** awg.v1.ErrorDetail of its google.rpc.Status. */
  readonly detail: Json;
}

/** A client made from schema/awg.proto by other code than the server's: grpc-js with proto-loader. */
export class GrpcClient implements Disposable {
  readonly #awg: Client & Record<string, unknown>;
  readonly #health: Client & Record<string, unknown>;

  constructor(socket: string) {
    const target = `unix:${socket}`;
    const insecure = credentials.createInsecure();
    const own = loadPackageDefinition(loadSync(join(ROOT, "schema/awg.proto"), OPTIONS)) as never as {
      awg: { v1: { Awg: new (...args: unknown[]) => Client } };
    };
    const health = loadPackageDefinition(fromJSON(HEALTH as never, OPTIONS)) as never as {
      grpc: { health: { v1: { Health: new (...args: unknown[]) => Client } } };
    };
    this.#awg = new own.awg.v1.Awg(target, insecure, OWN_CONNECTION) as never;
    this.#health = new health.grpc.health.v1.Health(target, insecure, OWN_CONNECTION) as never;
  }

  /** The answer of a unary call; throws a FailedCall. */
  call(method: string, request: Json = {}, deadlineMs = 60_000): Promise<Json> {
    return callUnary(this.#awg, method, request, deadlineMs);
  }

  stream(method: string, request: Json = {}): NodeJS.ReadableStream & { cancel(): void } {
    return (this.#awg[method] as Stream).call(this.#awg, request);
  }

  /** All messages of a stream until it ends, or until one fits; throws a FailedCall. */
  async read(
    method: string,
    request: Json,
    isLast: (message: Json) => boolean = () => false,
  ): Promise<readonly Json[]> {
    const stream = this.stream(method, request);
    const messages: Json[] = [];
    try {
      for await (const message of stream) {
        messages.push(message as never as Json);
        if (isLast(message as never as Json)) break;
      }
    } catch (error) {
      throw failed(error as ServiceError);
    } finally {
      stream.cancel();
    }
    return messages;
  }

  health(service = ""): Promise<Json> {
    return callUnary(this.#health, "Check", { service }, 10_000);
  }

  async healthOnce(): Promise<Json> {
    const stream = (this.#health["Watch"] as Stream).call(this.#health, { service: "" });
    stream.on("error", () => undefined);
    try {
      for await (const message of stream) return message as never as Json;
      throw new Error("no health");
    } finally {
      stream.cancel();
    }
  }

  [Symbol.dispose](): void {
    this.#awg.close();
    this.#health.close();
  }
}

function callUnary(
  client: Client & Record<string, unknown>,
  method: string,
  request: Json,
  deadlineMs: number,
): Promise<Json> {
  return new Promise((resolve, reject) => {
    (client[method] as Unary).call(client, request, { deadline: Date.now() + deadlineMs }, (error, answer) =>
      error === null ? resolve(answer) : reject(failed(error)),
    );
  });
}

/** Reads google.rpc.Status → Any → ErrorDetail by the definitions of google/rpc/status.proto and awg.proto. */
function failed({ code, details, metadata }: ServiceError): FailedCall {
  return { code, details, detail: detailOf(metadata) };
}

function detailOf(metadata: Metadata): Json {
  const [bytes] = metadata.get("grpc-status-details-bin");
  if (!(bytes instanceof Buffer)) return {};
  const any = fieldOf(bytes, 3);
  return any === undefined ? {} : DETAIL.deserialize(fieldOf(any, 2) ?? Buffer.alloc(0));
}

const DETAIL = loadSync(join(ROOT, "schema/awg.proto"), OPTIONS)["awg.v1.ErrorDetail"] as never as {
  readonly deserialize: (bytes: Buffer) => Json;
};

/** The bytes of a length-delimited field; lengths below 16 KB. */
function fieldOf(message: Buffer, wanted: number): Buffer | undefined {
  let at = 0;
  const varint = (): number => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = message[at++] ?? 0;
      value |= (byte & 0x7f) << shift;
      if ((byte & 0x80) === 0) return value;
    }
  };
  while (at < message.length) {
    const tag = varint();
    const length = varint();
    if ((tag & 7) === 0) continue;
    const bytes = message.subarray(at, at + length);
    if (tag >> 3 === wanted) return bytes;
    at += length;
  }
  return undefined;
}

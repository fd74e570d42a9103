import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import type { ServiceDefinition } from "@grpc/grpc-js";
import { AWG_PROTO } from "../../api/grpc/awg-proto.ts";
import { GRPC } from "../../api/grpc/grpc-status.ts";
import type { ApiParts } from "../router.ts";
import { answerStream, answerUnary } from "./answer-call.ts";
import { CallFailure } from "./call-failure.ts";

/** HealthCheckResponse.ServingStatus of grpc/health/v1/health.proto. */
const SERVING = 1;
const NOT_SERVING = 2;
const SERVICE_UNKNOWN = 3;
/** The whole server, and its one service. */
const SERVICES = ["", `${AWG_PROTO.package}.${AWG_PROTO.service}`];

const same = (bytes: Buffer): Buffer => bytes;
const method = (name: string, responseStream: boolean) => ({
  path: `/grpc.health.v1.Health/${name}`,
  requestStream: false,
  responseStream,
  requestSerialize: same,
  requestDeserialize: same,
  responseSerialize: same,
  responseDeserialize: same,
});

/** The standard health service (grpc/health/v1/health.proto). */
export const HEALTH_SERVICE: ServiceDefinition = { Check: method("Check", false), Watch: method("Watch", true) };

/** Serving means: the daemon answers. */
export function healthCalls({
  parts,
  cut,
}: {
  readonly parts: ApiParts;
  readonly cut: () => void;
}): Readonly<Record<string, unknown>> {
  return {
    Check: answerUnary(async (bytes) => {
      if (!SERVICES.includes(serviceOf(bytes))) {
        throw new CallFailure(GRPC.notFound, { exit_code: 64, kind: "usage", message: "there is no such service" });
      }
      const isServing = await parts.status().then(
        () => true,
        () => false,
      );
      return response(isServing ? SERVING : NOT_SERVING);
    }),
    Watch: answerStream(cut, async (bytes, signal, send) => {
      const isKnown = SERVICES.includes(serviceOf(bytes));
      const ended = new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve(), { once: true }));
      let last = 0;
      const sendState = (): void => {
        const state = !isKnown ? SERVICE_UNKNOWN : parts.feed.last.available ? SERVING : NOT_SERVING;
        if (state !== last) send(response(state));
        last = state;
      };
      using _following = parts.feed.follow(() => {
        if (last !== 0) sendState();
      });
      await Promise.race([parts.feed.known, ended]);
      sendState();
      await ended;
    }),
  };
}

/** HealthCheckRequest.service. */
function serviceOf(bytes: Buffer): string {
  const reader = new BinaryReader(bytes);
  let service = "";
  while (reader.pos < reader.len) {
    const [number, type] = reader.tag();
    if (number === 1 && type === WireType.LengthDelimited) service = reader.string();
    else reader.skip(type, number);
  }
  return service;
}

function response(status: number): Buffer {
  return Buffer.from(new BinaryWriter().tag(1, WireType.Varint).int32(status).finish());
}

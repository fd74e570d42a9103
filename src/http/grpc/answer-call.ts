import { Metadata, type ServerUnaryCall, type ServerWritableStream, type sendUnaryData } from "@grpc/grpc-js";
import { failureFrom } from "./call-failure.ts";
import { encodeStatus } from "./codec.ts";

/** Bytes of a stream that a client may leave unread before its connection is cut. */
const MAX_UNREAD_BYTES = 1024 * 1024;

export type UnaryCall = (call: ServerUnaryCall<Buffer, Buffer>, answer: sendUnaryData<Buffer>) => void;
export type StreamCall = (call: ServerWritableStream<Buffer, Buffer>) => void;

/** A unary call: its handler gets the request and a signal that aborts when the client leaves or its deadline is over. */
export function answerUnary(handle: (request: Buffer, signal: AbortSignal) => Promise<Buffer>): UnaryCall {
  return (call, answer) => {
    handle(call.request, signalOf(call)).then(
      (bytes) => answer(null, bytes),
      (error: unknown) => answer(statusOf(error)),
    );
  };
}

/**
 * A call that is answered by a stream, which ends when the handler does.
 *
 * @param cut closes the connection of a client that does not read
 */
export function answerStream(
  cut: () => void,
  handle: (request: Buffer, signal: AbortSignal, send: (message: Buffer) => void) => Promise<void>,
): StreamCall {
  return (call) => {
    const signal = signalOf(call);
    let unread = 0;
    const send = (message: Buffer): void => {
      if (signal.aborted) return;
      unread += message.length;
      if (unread > MAX_UNREAD_BYTES) cut();
      else call.write(message, () => (unread -= message.length));
    };
    handle(call.request, signal, send).then(
      () => call.end(),
      (error: unknown) => call.emit("error", statusOf(error)),
    );
  };
}

function signalOf(call: {
  once(event: "cancelled", listener: () => void): unknown;
  readonly cancelled: boolean;
}): AbortSignal {
  const left = new AbortController();
  if (call.cancelled) left.abort();
  call.once("cancelled", () => left.abort());
  return left.signal;
}

/** The status of a failed call, with its detail. */
function statusOf(error: unknown): { readonly code: number; readonly details: string; readonly metadata: Metadata } {
  const { status, detail, message } = failureFrom(error);
  const metadata = new Metadata();
  metadata.set("grpc-status-details-bin", encodeStatus(status, message, detail));
  return { code: status, details: message, metadata };
}

import type { ErrorKind } from "../../model/error.ts";

/** Status codes of gRPC (grpc.io, Status codes and their use). */
export const GRPC = {
  ok: 0,
  cancelled: 1,
  unknown: 2,
  invalidArgument: 3,
  notFound: 5,
  permissionDenied: 7,
  resourceExhausted: 8,
  failedPrecondition: 9,
  aborted: 10,
  unimplemented: 12,
  internal: 13,
  unavailable: 14,
} as const;

export type GrpcStatus = (typeof GRPC)[keyof typeof GRPC];

/** By exit code of the verb (docs/reference/exit-codes.md). Aborted and unavailable may succeed when they are repeated. */
const OF_EXIT: Readonly<Record<number, GrpcStatus>> = {
  3: GRPC.invalidArgument,
  4: GRPC.aborted,
  5: GRPC.internal,
  6: GRPC.failedPrecondition,
  7: GRPC.failedPrecondition,
  8: GRPC.failedPrecondition,
  9: GRPC.aborted,
  10: GRPC.unavailable,
  11: GRPC.aborted,
  12: GRPC.unimplemented,
  13: GRPC.unavailable,
  64: GRPC.invalidArgument,
  70: GRPC.internal,
  74: GRPC.internal,
  77: GRPC.permissionDenied,
  129: GRPC.cancelled,
  130: GRPC.cancelled,
  143: GRPC.cancelled,
};

/** Exit codes of errors that are thrown before a verb runs. */
const EXIT_OF: Partial<Record<ErrorKind, number>> = {
  usage: 64,
  permission: 77,
  unsupported: 12,
  locked: 10,
  unreachable: 13,
};

/** The status of a call, by the exit code of its verb. Pure. */
export function grpcStatusOf(exitCode: number): GrpcStatus {
  return OF_EXIT[exitCode] ?? GRPC.unknown;
}

/** The exit code that the command line would have for an error of this kind; that of a fault of awg for all others. */
export function exitCodeOfKind(kind: ErrorKind | undefined): number {
  return (kind === undefined ? undefined : EXIT_OF[kind]) ?? 70;
}

import type { AwgMessage } from "../../api/grpc/awg-proto.ts";
import { exitCodeOfKind, GRPC, type GrpcStatus, grpcStatusOf } from "../../api/grpc/grpc-status.ts";
import { AwgError, messageOf } from "../../model/error.ts";
import type { RunAnswer } from "../run-action.ts";

/** Why a call failed, as its client learns it. */
export class CallFailure extends Error {
  readonly status: GrpcStatus;
  readonly detail: AwgMessage<"ErrorDetail">;

  constructor(status: GrpcStatus, detail: AwgMessage<"ErrorDetail">) {
    super(detail.message ?? "");
    this.status = status;
    this.detail = detail;
  }
}

/** The failure of a verb, by its exit code and its error document. */
export function failureOf({ code, message = "", data }: RunAnswer): CallFailure {
  const { kind, remedy, facts } = (data as { readonly error?: ErrorFields } | undefined)?.error ?? {};
  return new CallFailure(grpcStatusOf(code), {
    exit_code: code,
    message,
    ...(kind === undefined ? {} : { kind }),
    ...(remedy === undefined ? {} : { remedy }),
    ...(facts === undefined ? {} : { facts, problems: problemsOf(facts) }),
  });
}

/** Whatever a handler threw. What is not an AwgError is a fault of awg, and its text stays here. */
export function failureFrom(error: unknown): CallFailure {
  if (error instanceof CallFailure) return error;
  const kind = error instanceof AwgError ? error.kind : undefined;
  const code = exitCodeOfKind(kind);
  return new CallFailure(kind === undefined ? GRPC.internal : grpcStatusOf(code), {
    exit_code: code,
    kind: kind ?? "bug",
    message: kind === undefined ? "the call failed" : messageOf(error),
  });
}

function problemsOf({ problems }: Readonly<Record<string, unknown>>): readonly string[] {
  return Array.isArray(problems) ? problems.map(String) : [];
}

interface ErrorFields {
  readonly kind?: string;
  readonly remedy?: string;
  readonly facts?: Readonly<Record<string, unknown>>;
}

import { AWG_PROTO } from "../../src/api/grpc/awg-proto.ts";
import { grpcStatusOf } from "../../src/api/grpc/grpc-status.ts";
import { EXIT } from "../../src/cli/exit-code.ts";
import { cell, code, generatedFrom, page, table } from "./markdown.ts";

const CODE_NAMES: Readonly<Record<number, string>> = {
  1: "CANCELLED",
  3: "INVALID_ARGUMENT",
  7: "PERMISSION_DENIED",
  9: "FAILED_PRECONDITION",
  10: "ABORTED",
  12: "UNIMPLEMENTED",
  13: "INTERNAL",
  14: "UNAVAILABLE",
};

/** The page of the gRPC interface. */
export function grpcPage(): string {
  const byCode = Object.groupBy(
    Object.values(EXIT).filter((exit) => CODE_NAMES[grpcStatusOf(exit)] !== undefined),
    (exit) => CODE_NAMES[grpcStatusOf(exit)] ?? "",
  );
  return page(
    generatedFrom("src/api/grpc/awg-proto.ts"),
    "# gRPC",
    "This reference lists the methods of awg's gRPC interface on Linux. It is for authors of programs that ask awg or act through it.",
    "`awg api` answers gRPC and [HTTP](api.md) on the same socket, `/run/awg/awg.sock`, to the same people. [awg.proto](../../schema/awg.proto) describes every message; there is no reflection. `grpc.health.v1.Health` is there, too: serving means that the daemon answers.",
    "```sh\nsudo awg api &\nsudo grpcurl -plaintext -unix -import-path schema -proto awg.proto /run/awg/awg.sock awg.v1.Awg/Status\n```",
    table(
      ["method", "role", "effect"],
      Object.entries(AWG_PROTO.methods).map(([name, { role, summary, ...more }]) => [
        code(name),
        role,
        cell("isStream" in more ? `${summary} (stream)` : summary),
      ]),
    ),
    "A method that plans or changes runs its verb as a child process, with the same code, lock and journal. When the client cancels the call, leaves, or its deadline is over, the child is ended as by Ctrl-C: `awg apply` then undoes what it has done. A client that leaves 1 MB unread is cut.",
    "## Errors",
    "The details of a failed call (`grpc-status-details-bin`) hold an `awg.v1.ErrorDetail`: the [exit code](exit-codes.md) of the verb, the kind of the error, what to do, and the problems of a config with their places. `ABORTED` and `UNAVAILABLE` may succeed when they are repeated.",
    table(
      ["code", "exit codes"],
      Object.entries(byCode).map(([name, exits = []]) => [code(name), exits.join(", ")]),
    ),
  );
}

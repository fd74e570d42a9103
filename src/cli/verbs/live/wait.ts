import { AwgError } from "../../../model/error.ts";
import type { DocumentOf } from "../../documents/documents.ts";
import { EXIT } from "../../exit-code.ts";
import { hostOptionsOf } from "../../open-host.ts";
import { listOption, type RunVerb, timeOption } from "../../verb.ts";
import { untilStopped } from "./until-stopped.ts";

const DEFAULT_TIMEOUT_MS = 60_000;

type StatusDocument = DocumentOf<"status">;

/** One thing to wait for. */
interface Wish {
  readonly holds: (status: StatusDocument) => boolean;
  /** How it is: "Ready is no (waiting for tunnel/office)", with "still" after a wait. */
  readonly found: (status: StatusDocument, is: "is" | "is still") => string;
}

/** `awg wait`: returns when the host is as asked, by the daemon's looks; exit 6 if it is not in time. */
export const run: RunVerb = async (call) => {
  const named = listOption(call, "for").flatMap((text) => text.split(","));
  const names = named.length === 0 ? ["ready"] : named;
  const wishes = names.map(wishOf);
  const timeoutMs = timeOption(call, "timeout", { flag: "--timeout", zero: "looks once" }) ?? DEFAULT_TIMEOUT_MS;
  const { askDaemonOf } = await import("../../../compose/ask-daemon.ts");
  const signal = untilStopped(timeoutMs === 0 ? undefined : timeoutMs);
  let last: StatusDocument | undefined;
  for await (const line of askDaemonOf(hostOptionsOf(call), { id: 1, ask: "watch" }, signal)) {
    if ("error" in line) throw new AwgError("unreachable", line.error);
    last = statusOf(line) ?? last;
    if (last !== undefined && wishes.every(({ holds }) => holds(last as StatusDocument))) return EXIT.success;
    if (timeoutMs === 0 && "caughtUp" in line) break;
  }
  if (signal.aborted && signal.reason !== "timeout") return EXIT.interrupted;
  throw new AwgError("verification", missedText(wishes, last, timeoutMs), { remedy: "see awg status" });
};

function missedText(wishes: readonly Wish[], last: StatusDocument | undefined, timeoutMs: number): string {
  const missed = last === undefined ? [] : wishes.filter(({ holds }) => !holds(last));
  const is = timeoutMs === 0 ? "is" : "is still";
  const found =
    last === undefined ? "the daemon has no status yet" : missed.map((one) => one.found(last, is)).join("; ");
  return timeoutMs === 0 ? found : `timed out after ${timeoutMs / 1000}s: ${found}`;
}

/** The status in a line of the daemon, if it has one. */
function statusOf(line: object): StatusDocument | undefined {
  const { snapshot, event } = line as {
    snapshot?: { status?: StatusDocument | null };
    event?: { type: string; status?: StatusDocument };
  };
  return snapshot?.status ?? event?.status ?? undefined;
}

/** `ready`, `protected`, `in-sync`, or `condition=Ready`, `condition=Stalled=false`. */
function wishOf(text: string): Wish {
  if (text === "ready" || text === "protected") return conditionIs(text, true);
  if (text === "in-sync") {
    return {
      holds: (status) => status.daemon?.phase === "in-sync",
      found: (status, is) => `the daemon ${is} ${status.daemon?.phase ?? "absent"}`,
    };
  }
  const match = /^condition=([A-Za-z]+)(?:=(true|false))?$/.exec(text);
  if (match?.[1] !== undefined) return conditionIs(match[1], match[2] !== "false");
  throw new AwgError("usage", `--for ${text} is nothing to wait for`, {
    remedy: "write ready, protected, in-sync or condition=NAME",
  });
}

function conditionIs(type: string, wanted: boolean): Wish {
  const find = ({ conditions }: StatusDocument) =>
    conditions.find((one) => one.type.toLowerCase() === type.toLowerCase());
  return {
    holds: (status) => (find(status)?.status ?? false) === wanted,
    found: (status, is) => {
      const one = find(status);
      if (one === undefined) return `no condition is named ${type}`;
      return `${one.type} ${is} ${one.status ? "yes" : "no"} (${one.message})`;
    },
  };
}

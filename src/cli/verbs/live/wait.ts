import { AwgError } from "../../../model/error.ts";
import type { DocumentOf } from "../../documents/documents.ts";
import { EXIT } from "../../exit-code.ts";
import { hostOptionsOf } from "../../open-host.ts";
import { listOption, type RunVerb, timeOption } from "../../verb.ts";
import { untilStopped } from "./until-stopped.ts";

const DEFAULT_TIMEOUT_MS = 60_000;

type StatusDocument = DocumentOf<"status">;
type Wish = (status: StatusDocument) => boolean;

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
    if (last !== undefined && wishes.every((holds) => holds(last as StatusDocument))) return EXIT.success;
    if (timeoutMs === 0 && "caughtUp" in line) break;
  }
  if (signal.aborted && signal.reason !== "timeout") return EXIT.interrupted;
  const reasons = last === undefined ? "" : `: ${reasonsOf(last, names)}`;
  throw new AwgError("verification", `not ${names.join(" and ")} in time${reasons}`, { remedy: "look: awg status" });
};

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
  const condition =
    (type: string, wanted: boolean): Wish =>
    (status) =>
      (status.conditions.find((one) => one.type.toLowerCase() === type.toLowerCase())?.status ?? false) === wanted;
  if (text === "ready" || text === "protected") return condition(text, true);
  if (text === "in-sync") return (status) => status.daemon?.phase === "in-sync";
  const match = /^condition=([A-Za-z]+)(?:=(true|false))?$/.exec(text);
  if (match?.[1] !== undefined) return condition(match[1], match[2] !== "false");
  throw new AwgError("usage", `--for ${text} is nothing to wait for`, {
    remedy: "write ready, protected, in-sync or condition=NAME",
  });
}

function reasonsOf({ conditions }: StatusDocument, names: readonly string[]): string {
  const asked = conditions.filter(({ type }) => names.some((name) => name.toLowerCase().includes(type.toLowerCase())));
  return (asked.length === 0 ? conditions : asked).map(({ type, message }) => `${type}: ${message}`).join("; ");
}

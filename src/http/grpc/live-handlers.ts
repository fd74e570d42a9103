import type { AwgMessage } from "../../api/grpc/awg-proto.ts";
import { VERSION } from "../../model/version.ts";
import type { FeedEvent } from "../daemon-feed.ts";
import type { HandlersFor } from "./handler.ts";
import { runVerb } from "./run-verb.ts";
import { type StatusDocument, tunnelsOf } from "./tunnels-of.ts";

type Json = Readonly<Record<string, unknown>>;

/** What reads. */
export const LIVE_HANDLERS: HandlersFor<
  "Version" | "Status" | "Watch" | "ListTunnels" | "ListProcesses" | "Explain" | "Drift" | "StreamLogs"
> = {
  Version: async (_, { role }) => ({ version: VERSION, node: process.versions.node, role }),
  Status: async (_, { parts }) => {
    const document = (await parts.status()) as StatusDocument & Json;
    const { generation, conditions } = document;
    return {
      generation,
      conditions: conditions.map(({ observedGeneration, causedBy, since, ...condition }) => ({
        ...condition,
        since: since ?? "",
        observed_generation: observedGeneration,
        caused_by: causedBy ?? "",
      })),
      document,
    };
  },
  Watch: async ({ after = "" }, { parts: { feed }, role, signal }, send) => {
    const missed = after === "" ? undefined : feed.after(after);
    for (const event of missed ?? []) send(watched(event));
    let hasBegun = missed !== undefined;
    using _following = feed.follow((event) => {
      if (hasBegun) send(watched(event));
    });
    if (!hasBegun) {
      await Promise.race([feed.known, untilAborted(signal)]);
      if (signal.aborted) return;
      hasBegun = true;
      send(watched({ place: feed.place, name: "snapshot", data: { role, ...feed.last } }));
    }
    await untilAborted(signal);
  },
  ListTunnels: async (_, { parts }) => ({ tunnels: tunnelsOf((await parts.status()) as StatusDocument) }),
  ListProcesses: async (_, call) => {
    const { document } = await runVerb(call, "ps");
    const { programs, unseen } = document as unknown as ProgramsDocument;
    return { processes: programs.map(processOf), unseen };
  },
  Explain: async ({ destination = "", program = "" }, call) => {
    const { code, document } = await runVerb(call, "explain", { destination, program }, [6]);
    return { agrees: code === 0, document };
  },
  Drift: async (_, call) => {
    const { document } = await runVerb(call, "drift");
    return { drifted: document["drifted"] === true, document };
  },
  StreamLogs: async ({ follow = false }, { parts, signal }, send) => {
    for await (const { time, type, text, event } of parts.readLog(follow, signal)) send({ time, type, text, event });
  },
};

function watched({ place, name, data }: FeedEvent): AwgMessage<"WatchResponse"> {
  const sequence = Number(place.slice(place.lastIndexOf("-") + 1));
  const known = { sequence, place, name };
  if (name === "daemon") return { ...known, event: data as Json };
  if (name === "vpn-status-changed") return { ...known, ...statusField(data) };
  const { available, status } = data as { readonly available: boolean; readonly status?: unknown };
  return { ...known, available, ...statusField(status) };
}

function statusField(status: unknown): { readonly status?: Json } {
  return typeof status === "object" && status !== null ? { status: status as Json } : {};
}

interface ProgramsDocument {
  readonly programs: readonly {
    readonly pid: number;
    readonly parentPid: number;
    readonly name: string;
    readonly path: string | null;
    readonly user: string | null;
    readonly rule: { readonly origin: string; readonly via: string; readonly enforcement: string } | null;
  }[];
  readonly unseen: readonly string[];
}

function processOf(program: ProgramsDocument["programs"][number]): AwgMessage<"Process"> {
  const { pid, parentPid, name, path, user, rule } = program;
  const found = { pid, parent_pid: parentPid, name, path: path ?? "", user: user ?? "" };
  return rule === null ? found : { ...found, rule: rule.origin, via: rule.via, enforcement: rule.enforcement };
}

function untilAborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    else signal.addEventListener("abort", () => resolve(), { once: true });
  });
}

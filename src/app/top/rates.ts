import type { MeasuredConnection, OwnedSocket } from "../../host/ports/processes.ts";
import type { ProcessKey } from "../../model/program/program.ts";
import type { TopSample } from "./sample.ts";
import type { ConnectionTraffic, Flow, ProgramTraffic, TopReport } from "./top-report.ts";

interface Bytes {
  readonly receivedBytes: number;
  readonly sentBytes: number;
}

const NONE: Bytes = { receivedBytes: 0, sentBytes: 0 };

/**
 * The rates between two looks. A connection that began between them counts from its beginning; the last bytes of one that
 * ended between them are lost. A socket that several processes hold counts for the first of them. Pure.
 */
export function ratesBetween(before: TopSample, now: TopSample): TopReport {
  const seconds = Math.max(0.001, (now.atMs - before.atMs) / 1000);
  const tunnelsBefore = new Map(before.tunnels.map((tunnel) => [tunnel.name, tunnel]));
  const connectionsBefore = new Map(before.traffic.connections.map((one) => [one.id, one]));
  const connections = byHolder(now.traffic.connections.filter(isToElsewhere));
  const udp = byHolder(now.traffic.udp);
  return {
    seconds,
    tunnels: now.tunnels.map((tunnel) => ({
      name: tunnel.name,
      // What a new tunnel carried before the first look at it says nothing of the time between the two.
      ...flow(tunnelsBefore.get(tunnel.name) ?? tunnel, tunnel, seconds),
    })),
    programs: now.programs.map((line): ProgramTraffic => {
      const own = (connections.get(keyOf(line.program)) ?? []).map(
        (one): ConnectionTraffic => ({
          local: one.local,
          remote: one.remote,
          ...flow(connectionsBefore.get(one.id) ?? NONE, one, seconds),
        }),
      );
      const sum = (field: "receivedPerSecond" | "sentPerSecond") => own.reduce((total, one) => total + one[field], 0);
      return {
        line,
        receivedPerSecond: sum("receivedPerSecond"),
        sentPerSecond: sum("sentPerSecond"),
        connections: own.toSorted((a, b) => rateOf(b) - rateOf(a)),
        udpSockets: udp.get(keyOf(line.program))?.length ?? 0,
      };
    }),
    unseen: now.unseen,
  };
}

/** Bytes a second in both directions. */
export function rateOf(one: Pick<Flow, "receivedPerSecond" | "sentPerSecond">): number {
  return one.receivedPerSecond + one.sentPerSecond;
}

/** An engine that was started again counts from 0. */
function flow(before: Bytes, { receivedBytes, sentBytes }: Bytes, seconds: number): Flow {
  const rate = (was: number, is: number): number => Math.round((is < was ? is : is - was) / seconds);
  return {
    receivedBytes,
    sentBytes,
    receivedPerSecond: rate(before.receivedBytes, receivedBytes),
    sentPerSecond: rate(before.sentBytes, sentBytes),
  };
}

/** Both ends of a connection within the host would count the same bytes twice. */
function isToElsewhere({ remote: { address } }: MeasuredConnection): boolean {
  return address !== "::1" && !address.startsWith("127.");
}

function byHolder<Socket extends OwnedSocket>(sockets: readonly Socket[]): ReadonlyMap<string, readonly Socket[]> {
  return Map.groupBy(
    sockets.filter(({ holders }) => holders.length > 0),
    ({ holders: [first] }) => (first === undefined ? "" : keyOf(first)),
  );
}

function keyOf({ pid, since }: ProcessKey): string {
  return `${pid} ${since}`;
}

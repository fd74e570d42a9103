import type { Config } from "../../config/config.ts";
import type { TrafficList } from "../../host/ports/processes.ts";
import { AwgError } from "../../model/error.ts";
import type { HostParts } from "../parts.ts";
import { listPrograms, processesOf } from "../programs/list-programs.ts";
import type { ProgramLine } from "../programs/program-report.ts";
import { readStatus } from "../status/machine-status.ts";
import type { ResourceStatus } from "../status/status-report.ts";

export interface TunnelBytes {
  readonly name: string;
  readonly receivedBytes: number;
  readonly sentBytes: number;
}

/** One look at the traffic of the host. */
export interface TopSample {
  /** Milliseconds of a monotonic clock. */
  readonly atMs: number;
  readonly tunnels: readonly TunnelBytes[];
  readonly programs: readonly ProgramLine[];
  readonly traffic: TrafficList;
  readonly unseen: readonly string[];
}

/**
 * Looks once. Reads only; without root the tunnels are not seen.
 *
 * @throws AwgError unsupported on a system that does not count the bytes of connections
 */
export async function takeSample(parts: HostParts, config: Config | undefined): Promise<TopSample> {
  const port = await processesOf(parts);
  if (port.traffic === undefined) {
    throw new AwgError("unsupported", "this system does not count the bytes of a program's connections", {
      remedy: "use awg status and awg ps",
    });
  }
  const { tunnels, unseen } = await readTunnels(parts);
  const report = await listPrograms(parts, config);
  const traffic = port.traffic();
  return {
    atMs: performance.now(),
    tunnels,
    programs: report.programs,
    traffic,
    unseen: [...new Set([...unseen, ...report.unseen, ...traffic.unseen])],
  };
}

async function readTunnels(parts: HostParts): Promise<Pick<TopSample, "tunnels" | "unseen">> {
  try {
    parts.requireRights?.();
    return { tunnels: (await readStatus(parts)).resources.flatMap(bytesOf), unseen: [] };
  } catch (error) {
    if (!(error instanceof AwgError) || error.kind !== "permission") throw error;
    return { tunnels: [], unseen: ["the tunnels, which only root may read"] };
  }
}

function bytesOf({ key, tunnel, proxy }: ResourceStatus): readonly TunnelBytes[] {
  if (proxy !== undefined) {
    const { receivedBytes, sentBytes } = proxy;
    return [{ name: key.replace(/^proxy\//, ""), receivedBytes, sentBytes }];
  }
  if (tunnel === undefined) return [];
  const sum = (field: "receivedBytes" | "sentBytes") => tunnel.peers.reduce((bytes, peer) => bytes + peer[field], 0);
  return [{ name: key.replace(/^tunnel\//, ""), receivedBytes: sum("receivedBytes"), sentBytes: sum("sentBytes") }];
}

import type { TunnelSpec } from "./resources/tunnel.ts";

/** What awg knows of an external engine before it starts one. */
export interface EngineProgram {
  /** Where it may be, in order of trying; PATH is not used, because the caller of a root process could set it. */
  readonly paths: readonly string[];
  /** Folder of its UAPI sockets (wireguard.com/xplatform), `<device>.sock` each. */
  readonly socketFolder: string;
}

const FOLDERS = ["/usr/local/bin", "/usr/bin", "/usr/local/sbin", "/usr/sbin", "/opt/awg/bin"];

/** The external engine of each protocol. */
export const ENGINE_PROGRAMS: Readonly<Record<TunnelSpec["protocol"], EngineProgram>> = {
  wireguard: {
    paths: FOLDERS.map((folder) => `${folder}/wireguard-go`),
    socketFolder: "/var/run/wireguard",
  },
  amneziawg: {
    paths: FOLDERS.map((folder) => `${folder}/amneziawg-go`),
    socketFolder: "/var/run/amneziawg",
  },
};

/**
 * Options of Node for the embedded engine: one helper thread of V8, not four, none for collections, and a small space for
 * new objects. A collection then takes 1.5 ms, not 18, of the thread that reads a set of 10,000 peers. Helpers and
 * collections took the processors of a small host from the packet thread (measured, node 24.21).
 */
export const ENGINE_NODE_OPTIONS = ["--v8-pool-size=1", "--single-threaded-gc", "--max-semi-space-size=2"] as const;

/**
 * Set in the environment of each engine that a keeper starts, so that a later keeper recognises it; names the engine.
 */
export const ENGINE_SIGN = "AWG_KEEPER_ENGINE";

/** The protocol of the external engine with this process name; undefined for other programs. */
export function protocolOfEngine(program: string): TunnelSpec["protocol"] | undefined {
  const protocols = ["wireguard", "amneziawg"] as const;
  return protocols.find((protocol) => ENGINE_PROGRAMS[protocol].paths.some((path) => path.endsWith(`/${program}`)));
}

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
 * Set in the environment of each engine that a keeper starts, so that a later keeper recognises it; names the engine.
 */
export const ENGINE_SIGN = "AWG_KEEPER_ENGINE";

/** The protocol of the external engine with this process name; undefined for other programs. */
export function protocolOfEngine(program: string): TunnelSpec["protocol"] | undefined {
  const protocols = ["wireguard", "amneziawg"] as const;
  return protocols.find((protocol) => ENGINE_PROGRAMS[protocol].paths.some((path) => path.endsWith(`/${program}`)));
}

import type { TunnelSpec } from "./spec/tunnel.ts";

/** What awg knows of an external engine before it starts one. */
export interface EngineProgram {
  /** Where it may be, tried in order; never by PATH, which a caller of a root process could have set. */
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

import { AwgError } from "../../model/error.ts";
import type { LibSystem } from "../../native/darwin/libsystem.ts";
import {
  isConnected,
  openConnection,
  openEchoSocket,
  receiveOn,
  sendOn,
} from "../../native/darwin/packet-io/probe-socket.ts";
import type { ProbePort } from "../ports/probes.ts";
import type { ProbedAddress } from "../probes/probe-sockets.ts";
import { socketProbes } from "../probes/socket-probes.ts";

export interface DarwinProbeDeps {
  readonly system: LibSystem;
  /** The interface of each device of ours. */
  readonly held: () => Promise<ReadonlyMap<string, string>>;
}

/** Probes of a Mac. For a tunnel's device the socket is bound to its utun (IP_BOUND_IF, IPV6_BOUND_IF). */
export function darwinProbes({ system, held }: DarwinProbeDeps): ProbePort {
  return {
    run: async (probe) => {
      const names = probe.device === undefined ? new Map<string, string>() : await held();
      const bound = ({ device, ...to }: ProbedAddress) =>
        device === undefined ? to : { ...to, interfaceIndex: indexOf(system, device, names.get(device)) };
      return socketProbes({
        openConnection: (to) => openConnection(system, bound(to)),
        isConnected: (fd) => isConnected(system, fd),
        openEchoSocket: (to) => openEchoSocket(system, bound(to)),
        send: (fd, bytes) => sendOn(system, fd, bytes),
        receive: (fd) => receiveOn(system, fd),
        close: (fd) => void system.close(fd),
      }).run(probe);
    },
  };
}

function indexOf(system: LibSystem, device: string, name: string | undefined): number {
  const index = name === undefined ? 0 : system.ifNameToIndex(name).value;
  if (index > 0) return index;
  throw new AwgError("host", `${device} has no interface now`);
}

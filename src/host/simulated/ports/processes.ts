import type { Program } from "../../../model/program/program.ts";
import type { ProcessPort } from "../../ports/processes.ts";
import type { SimulatedMachine } from "../machine.ts";

/** Processes of the simulated host from its state; they have no sockets, and none starts or ends by itself. */
export function simulatedProcesses(machine: SimulatedMachine): ProcessPort {
  const list = (): Program[] => {
    machine.checkAlive("processes.list");
    return machine.live.processes.map(({ pid, uid, path, ...signed }) => {
      const name = path.slice(path.lastIndexOf("/") + 1);
      return { pid, since: 0n, parentPid: 0, uid, name, path, commandLine: [path], cgroup: null, ...signed };
    });
  };
  return {
    list: () => ({ programs: list(), unseen: [] }),
    read: (pid) => list().find((program) => program.pid === pid),
    isAlive: (key) => list().some(({ pid, since }) => pid === key.pid && since === key.since),
    ownerOf: () => undefined,
    sockets: () => ({ sockets: [], closed: new Set(), unseen: ["a simulated host has no sockets"] }),
    watch: () => ({ async [Symbol.asyncDispose]() {} }),
  };
}

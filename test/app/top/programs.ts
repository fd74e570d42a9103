import type { ProgramLine } from "../../../src/app/programs/program-report.ts";
import type { ProgramTraffic } from "../../../src/app/top/top-report.ts";
import type { MeasuredConnection } from "../../../src/host/ports/processes.ts";

export const line = (pid: number, parentPid = 1, name = `p${pid}`): ProgramLine => ({
  program: { pid, parentPid, since: 1n, name, path: `/usr/bin/${name}` },
  perhaps: [],
});

export const connection = (id: string, pid: number, receivedBytes: number, sentBytes: number): MeasuredConnection => ({
  protocol: "tcp",
  local: { address: "192.0.2.2", port: 40_000 },
  remote: { address: "198.51.100.7", port: 443 },
  uid: 0,
  holders: [{ pid, since: 1n }],
  id,
  receivedBytes,
  sentBytes,
});

/** A program with that rate, half of it in each direction. */
export const traffic = (pid: number, parentPid: number, rate: number, name?: string): ProgramTraffic => {
  const flow = { receivedPerSecond: rate / 2, sentPerSecond: rate / 2 };
  const { local, remote } = connection("x", pid, 0, 0);
  return {
    line: line(pid, parentPid, name),
    ...flow,
    connections: rate === 0 ? [] : [{ local, remote, receivedBytes: rate, sentBytes: rate, ...flow }],
    udpSockets: 0,
  };
};

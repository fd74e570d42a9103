import { describe, expect, it } from "vitest";
import { darwinProcesses } from "../../../src/host/darwin/processes/darwin-processes.ts";
import { sshConnectionAbove, sshdStartMs } from "../../../src/host/darwin/processes/ssh-ancestor.ts";
import { FakeLibSystem } from "../../host/darwin/fake/fake-libsystem.ts";
import { macBook } from "../../host/darwin/fake/machine.ts";

const CLIENT = ["192.168.1.9", 50_001] as const;
const SERVER = ["192.168.1.20", 22] as const;

/** launchd, sshd for one connection with root's half and its user's, a shell, sudo. */
function mac(sshd = "/usr/libexec/sshd-session") {
  const machine = macBook();
  const { processes } = machine;
  processes.add({ pid: 10, uid: 0, path: sshd, sockets: { 4: 1n, 9: 2n } });
  processes.add({ pid: 11, parentPid: 10, path: sshd, sockets: { 4: 1n, 9: 2n } });
  processes.add({ pid: 12, parentPid: 11, path: "/bin/zsh" });
  processes.add({ pid: 13, parentPid: 12, uid: 0, path: "/usr/bin/sudo" });
  const forwarded = { local: ["192.168.1.20", 61_000], remote: ["198.51.100.7", 443], name: 2n } as const;
  const login = { local: SERVER, remote: CLIENT, name: 1n } as const;
  for (const one of [forwarded, login]) processes.sockets.push({ protocol: "tcp", uid: 501, lastPid: 11, ...one });
  const system = new FakeLibSystem(machine);
  const ports = darwinProcesses({ system, nowMs: () => 0, every: () => ({ [Symbol.dispose]: () => {} }) });
  return {
    processes,
    above: (pid: number) => sshConnectionAbove(ports, pid),
    began: (pid: number) => sshdStartMs(ports, pid),
  };
}

describe("SSH above a process of a Mac (by the double)", () => {
  it.each(["/usr/libexec/sshd-session", "/usr/sbin/sshd"])("is found below sudo by the socket of %s", (sshd) => {
    const { above } = mac(sshd);
    expect(above(13)).toBe("192.168.1.9 50001 192.168.1.20 22");
  });

  it("began when the nearest sshd did; unknown without one", () => {
    const { processes, began } = mac();
    processes.add({ pid: 30, startMs: 1_700_000_123_456, parentPid: 10, path: "/usr/libexec/sshd-session" });
    processes.add({ pid: 31, parentPid: 30 });
    expect([began(31), mac("/opt/other/sshd").began(13)]).toEqual([1_700_000_123_456, undefined]);
  });

  it("is none without an sshd above, without a socket of it, and in a circle of processes", () => {
    const { processes, above } = mac("/opt/other/sshd");
    expect(above(13)).toBeUndefined();
    processes.add({ pid: 20, parentPid: 21 });
    processes.add({ pid: 21, parentPid: 20 });
    expect([above(20), above(999)]).toEqual([undefined, undefined]);
    const idle = mac();
    idle.processes.sockets.length = 0;
    expect(idle.above(13)).toBeUndefined();
  });
});

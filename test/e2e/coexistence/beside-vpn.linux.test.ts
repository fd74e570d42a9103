import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { useBuiltProgram } from "../../support/built-program.ts";
import { commandObstacle, namespaceObstacle, tunObstacle } from "../../support/netns.ts";
import { BesideMachine } from "./beside-machine.ts";

const obstacle = namespaceObstacle() ?? tunObstacle() ?? commandObstacle("ip");

describe.skipIf(obstacle !== undefined)(`a kill switch beside another VPN (${obstacle ?? "on this kernel"})`, () => {
  const program = useBuiltProgram();
  let machine: BesideMachine;
  const ip = (line: string) => machine.ip(line);

  /** The notes of a plan about tunnels of others. */
  function notes(killSwitch: string, rules?: string): string[] {
    const { status, stdout, stderr } = machine.awg("diff", "-f", machine.config(killSwitch, rules));
    expect([0, 1], stdout + stderr).toContain(status);
    return `${stdout}${stderr}`.split("\n").filter((line) => line.includes("will be blocked"));
  }

  const cutOff = (device: string) =>
    `note: killSwitch: ${device} is another program's tunnel and will be blocked: allow its traffic and its server (killSwitch.allow), or import it (awg import, with --adopt while wg-quick runs it)`;

  beforeAll(() => {
    machine = new BesideMachine("beside", program());
    // What Docker and QEMU have.
    ip("link add docker0 type bridge");
    ip("address add 172.17.0.1/16 dev docker0");
    ip("tuntap add dev tap0 mode tap");
    ip("link set tap0 master docker0");
    for (const device of ["docker0", "tap0"]) ip(`link set ${device} up`);
  });
  afterAll(() => machine?.[Symbol.dispose]());

  test("names the tunnels it cuts off; names none if it cuts none, or none is up", { timeout: 120_000 }, () => {
    expect(notes("enabled: true")).toEqual([]);
    ip("tuntap add dev corp0 mode tun");
    ip("address add 10.20.0.2/24 dev corp0");
    ip("link set corp0 up");
    expect(notes("enabled: true")).toEqual([]);
    ip("route add 10.99.0.0/16 dev corp0 table 52");
    expect(notes("enabled: true")).toEqual([cutOff("corp0")]);
    expect(notes("enabled: false")).toEqual([]);
    expect(notes("enabled: true, allowLan: true")).toEqual([]);
    expect(notes("enabled: true, allow: [{ direction: out, protocol: tcp, remote: [10.99.0.0/16] }]")).toEqual([]);
    expect(notes("enabled: true", "[{ destinations: [10.99.0.0/16], via: direct }]")).toEqual([]);
    // As OpenVPN leads everything into its tunnel.
    ip("tuntap add dev all0 mode tun");
    ip("link set all0 up");
    for (const half of ["0.0.0.0/1", "128.0.0.0/1"]) ip(`route add ${half} dev all0`);
    expect(notes("enabled: true, allowLan: true")).toEqual([cutOff("all0")]);
    expect(notes("enabled: true")).toEqual([cutOff("all0"), cutOff("corp0")]);
    expect(machine.awg("plan", "-f", machine.config("enabled: true")).stderr).toContain(
      `${cutOff("all0")}\n${cutOff("corp0")}\n`,
    );
  });

  test("says nothing about its own tunnels or the only uplink", { timeout: 120_000 }, () => {
    for (const device of ["all0", "corp0"]) ip(`link delete ${device}`);
    expect(notes("enabled: true")).toEqual([]);
    const { status, stderr } = machine.awg("apply", "-f", machine.config("enabled: true"), "--auto-approve");
    expect(status, stderr).toBe(0);
    expect(stderr).not.toContain("carry nothing");
    expect(notes("enabled: true")).toEqual([]);
    // A container of an unprivileged user has a tap for its uplink.
    ip("link delete up0");
    ip("tuntap add dev tap1 mode tap");
    ip("address add 192.0.2.10/24 dev tap1");
    ip("link set tap1 up");
    ip("route add default via 192.0.2.1 dev tap1");
    expect(notes("enabled: true")).toEqual([]);
  });
});

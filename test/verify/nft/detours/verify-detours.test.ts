import { describe, expect, test } from "vitest";
import { type Detour, type DetourAction, verifyDetours } from "../../../../src/verify/nft/checks/verify-detours.ts";
import { LAPTOP } from "../../../model/firewall/policies.ts";

/** What verify says of these, the laptop's devices being eth0 and the tunnel awg-office; docker0's ports are guests'. */
function said(...detours: readonly Detour[]): string[] {
  const machine = { policy: LAPTOP, tables: [], indexes: new Map<string, number>(), sources: [] };
  const devices = { devices: ["eth0", "vethguest", "awg-office"], framed: ["eth0"] };
  return verifyDetours({ ...machine, ...devices, detours }).map(({ message }) => message);
}

const at = (device: string, place: Detour["place"], does: DetourAction): Detour => ({ device, place, does });
const send = (name: string, kind?: string, asArrived = false): DetourAction => {
  return { kind: "send", copies: false, asArrived, to: { name, ...(kind === undefined ? {} : { kind }) } };
};
const does = (name: string): DetourAction => ({ kind: "other", name });

describe("law 1: filters of tc and BPF programs at devices", () => {
  test.each([
    ["shaping by an ifb", at("eth0", "ingress", send("ifb0", "ifb"))],
    ["a copy for who looks at a dummy", at("eth0", "egress", send("dummy0", "dummy"))],
    ["a copy that counts as arrived at another device", at("eth0", "ingress", send("vethguest", "veth", true))],
    ["what the other device's hook is asked of", at("vethguest", "queue", send("eth0"))],
    ["a type of service", at("eth0", "egress", does("skbedit"))],
    ["a limit", at("eth0", "ingress", does("police"))],
    ["a checksum", at("eth0", "egress", does("csum"))],
    ["what is written before all hooks", at("eth0", "ingress", does("pedit"))],
    ["what is written towards a guest's port, which nothing judges", at("vethguest", "egress", does("pedit"))],
    ["what chooses a class alone", at("eth0", "egress", does("classic bpf"))],
  ] satisfies [string, Detour][])("says nothing of %s", (_what, detour) => {
    expect(said(detour)).toEqual([]);
  });

  test.each([
    ["eth0 (egress) a filter of tc sends frames on by wlan0", at("eth0", "egress", send("wlan0"))],
    ["eth0 (queue) a filter of tc sends frames on by awg-office", at("eth0", "queue", send("awg-office", "tun"))],
    ["frames to lo as though they had arrived there", at("eth0", "ingress", send("lo", undefined, true))],
    ["frames to awg-office as though", at("eth0", "ingress", send("awg-office", "tun", true))],
    ["by a block of devices", at("eth0", "ingress", { kind: "send", copies: true, asArrived: false })],
    ["writes into frames behind awg's packet filter: pedit", at("eth0", "egress", does("pedit"))],
    ["writes into frames behind awg's packet filter: nat", at("awg-office", "queue", does("nat"))],
    ["does what awg does not know: novel", at("vethguest", "ingress", does("novel"))],
    ["at vethguest (ingress, cil) a BPF program may", at("vethguest", "ingress", { kind: "program", name: "cil" })],
  ] satisfies [string, Detour][])("says: … %s", (text, detour) => {
    expect(said(detour)).toEqual([expect.stringContaining(text)]);
  });

  test("says what many devices have in one sentence", () => {
    const places = Array.from({ length: 200 }, (_, index) =>
      at(`lxc${index}`, "ingress", { kind: "program", name: "cil" }),
    );
    const [message, ...others] = said(...places, ...places);
    expect(others).toEqual([]);
    expect(message).toMatch(/^at lxc0 \(ingress, cil\), lxc1 .* and 194 more places a BPF program/);
    expect(message?.length).toBeLessThan(400);
  });
});

import { describe, expect, test } from "vitest";
import { judgeLocalRoutes } from "../../../src/app/doctor/local-routes.ts";
import { unroutedAddresses } from "../../../src/host/linux/environment/unrouted-addresses.ts";
import { ADDRESS_FLAG, type InterfaceAddress } from "../../../src/native/linux/rtnetlink/interface-address.codec.ts";
import type { Route } from "../../../src/native/linux/rtnetlink/route.codec.ts";
import { link, state } from "../../reconciler/scenarios.ts";
import { linkOf } from "../../support/links.ts";

const address = (linkIndex: number, text: string, flags: number = ADDRESS_FLAG.permanent): InterfaceAddress => ({
  family: text.includes(":") ? 6 : 4,
  linkIndex,
  address: text,
  scope: 0,
  flags,
  protocol: 0,
});
const local = (destination: string, table = 255, type: Route["type"] = "local"): Route => ({
  family: destination.includes(":") ? 6 : 4,
  destination,
  table,
  type,
  protocol: 2,
  priority: 0,
});
const LINKS = [
  linkOf(1, "dev1"),
  linkOf(2, "dev2", { up: false }),
  linkOf(3, "dev3", { kind: "vrf" }),
  linkOf(4, "dev4", { masterIndex: 3 }),
];

describe("addresses for which the kernel has no route of its own", () => {
  test.each<[string, InterfaceAddress, readonly Route[], boolean]>([
    ["none at all", address(1, "192.0.2.1/24"), [], true],
    ["its own", address(1, "192.0.2.1/24"), [local("192.0.2.1/32")], false],
    ["one for its whole prefix", address(1, "127.0.0.2/8"), [local("127.0.0.0/8")], false],
    ["another's", address(1, "192.0.2.1/24"), [local("192.0.2.2/32")], true],
    ["the broadcast's", address(1, "192.0.2.1/24"), [local("192.0.2.1/32", 255, "broadcast")], true],
    ["one in another table", address(1, "192.0.2.1/24"), [local("192.0.2.1/32", 7)], true],
    ["the other family's for everything", address(1, "fd00::1/64"), [local("0.0.0.0/0")], true],
    ["none, of an address that is not yet sure", address(1, "fd00::1/64", ADDRESS_FLAG.tentative), [], false],
    ["none, of a device that is down", address(2, "192.0.2.1/24"), [], false],
    ["none, of a VRF", address(3, "192.0.2.1/24"), [], false],
    ["none, of a device in a VRF", address(4, "192.0.2.1/24"), [], false],
  ])("%s", (_what, one, routes, expected) => {
    expect(unroutedAddresses(LINKS, [one], routes)).toHaveLength(expected ? 1 : 0);
  });
});

test("another's device is a note; a tunnel's is a fault, and comes first", () => {
  const applied = state(link("office"));
  const other = { family: 4, device: "eth0", address: "192.0.2.1" } as const;
  const ours = { family: 6, device: "awg-office", address: "fd00::2" } as const;
  expect(judgeLocalRoutes([], applied)).toEqual([]);
  expect(judgeLocalRoutes([other], applied)).toMatchObject([{ severity: "note" }]);
  expect(judgeLocalRoutes([other, ours], applied)).toMatchObject([
    { severity: "fault", what: expect.stringMatching(/: fd00::2 \(awg-office\), 192\.0\.2\.1 \(eth0\)$/) },
  ]);
});

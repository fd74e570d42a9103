import { expect, test } from "vitest";
import { eventsOf } from "../../../src/host/linux/network-events.ts";
import { PATH_NUMBERS, ROUTE_PROTOCOL, tableOfPath } from "../../../src/model/ownership.ts";
import { MessageWriter } from "../../../src/native/linux/attribute.codec.ts";
import { type NetlinkMessage, NLM } from "../../../src/native/linux/netlink/message.codec.ts";
import {
  noteOwnPort,
  noteOwnSetting,
  noteOwnTransaction,
  takeSequences,
} from "../../../src/native/linux/netlink/own-writes.ts";
import { NFT_MESSAGE } from "../../../src/native/linux/nftables/nft-message.codec.ts";
import { RTM } from "../../../src/native/linux/rtnetlink/rtnetlink-constants.ts";

const KEEPER = 4_242;

function generation(port: number, sequence: number): NetlinkMessage {
  const writer = new MessageWriter();
  writer.bytes(Uint8Array.of(0, 0, 0, 0));
  return { type: NFT_MESSAGE.newGeneration, flags: 0, sequence, port, payload: writer.take() };
}

function newRoute(port: number, sequence: number): NetlinkMessage {
  return { type: RTM.newRoute, flags: 0, sequence, port, payload: new Uint8Array(12) };
}

type Entry = { readonly type: number; readonly header: readonly number[]; readonly attribute: number };

const ENTRIES: Readonly<Record<string, Entry>> = {
  "policy rules": { type: RTM.deleteRule, header: [2, 0, 0, 0, 254, 0, 0, 1, 0, 0, 0, 0], attribute: 21 },
  addresses: { type: RTM.deleteAddress, header: [2, 32, 0, 0, 1, 0, 0, 0], attribute: 11 },
};

/** A message of the kernel's about an entry that this protocol made; a route may be in one of awg's tables. */
function entry(what: string, port: number, protocol: number, table = 254, flags = 0): NetlinkMessage {
  const writer = new MessageWriter();
  const { type, header, attribute } = ENTRIES[what] ?? { type: RTM.newRoute, header: [], attribute: 0 };
  if (what === "routes") {
    writer.bytes(Uint8Array.of(2, 0, 0, 0, table > 255 ? 252 : table, protocol, 0, 1, 0, 0, 0, 0));
    writer.attributeU32(15, table);
  } else {
    writer.bytes(Uint8Array.from(header));
    writer.attributeU8(attribute, protocol);
    if (what === "addresses") writer.attribute(2, Uint8Array.of(10, 8, 0, 2));
  }
  return { type, flags, sequence: 1, port, payload: writer.take() };
}

const reported = (...messages: readonly NetlinkMessage[]) => eventsOf(messages).map(({ what }) => what);

test("a transaction that the keeper made for this process is not reported, under any of its sequence numbers", () => {
  noteOwnTransaction({ port: KEEPER, first: 0xffff_fffe, count: 4 });
  for (const sequence of [0xffff_fffe, 0xffff_ffff, 0, 1]) expect(reported(generation(KEEPER, sequence))).toEqual([]);
  for (const sequence of [0xffff_fffd, 2]) expect(reported(generation(KEEPER, sequence))).toEqual(["packet filter"]);
  expect(reported(generation(KEEPER + 1, 0))).toEqual(["packet filter"]);
});

test("the keeper's transaction for another process is reported, though the event of one of ours was lost or nothing listened yet", () => {
  noteOwnTransaction({ port: KEEPER, first: 100, count: 3 });
  noteOwnTransaction({ port: KEEPER, first: 106, count: 3 });
  expect(reported(generation(KEEPER, 104), generation(KEEPER, 107))).toEqual(["packet filter"]);
  expect(reported(generation(KEEPER, 104))).toEqual(["packet filter"]);
});

test("a request of this process is not reported; one of a process that reuses a closed socket's port id is", () => {
  noteOwnPort(77);
  const first = takeSequences(3);
  expect(reported(newRoute(77, first), newRoute(77, (first + 2) >>> 0))).toEqual([]);
  expect(reported(newRoute(77, (first + 3) >>> 0))).toEqual(["routes"]);
  expect(reported(newRoute(77, (first + 0x8000_0000) >>> 0))).toEqual(["routes"]);
  expect(reported(newRoute(78, first))).toEqual(["routes"]);
  expect(reported(newRoute(0, first))).toEqual(["routes"]);
});

test.each(["routes", "policy rules", "addresses"])(
  "%s of awg's own come with the socket of who changed them",
  (what) => {
    const event = { what, renumbered: what === "addresses", ...(what === "addresses" ? {} : { devices: [] }) };
    expect(eventsOf([entry(what, 23_623, ROUTE_PROTOCOL)])).toEqual([{ ...event, isOurs: true, writerPort: 23_623 }]);
    expect(eventsOf([entry(what, 23_623, 4)])).toEqual([event]);
    // The kernel itself, as when a device goes with its routes.
    expect(eventsOf([entry(what, 0, ROUTE_PROTOCOL)])).toEqual([{ ...event, isOurs: true }]);
  },
);

test("one event for each sort names who changed awg's own last, whatever else changed around it", () => {
  const [first, last] = [entry("routes", 7, ROUTE_PROTOCOL), entry("routes", 8, ROUTE_PROTOCOL)];
  const messages = [entry("routes", 9, 4), first, last, entry("routes", 10, 4), entry("routes", 0, ROUTE_PROTOCOL)];
  const event = { what: "routes", renumbered: false, devices: [], isOurs: true, writerPort: 8 };
  expect(eventsOf(messages)).toEqual([event]);
});

test("a route that replaces one in awg's table is a change of awg's own; one that is added beside is not", () => {
  const table = tableOfPath(1);
  expect(eventsOf([entry("routes", 7, 3, table, NLM.replace)])[0]).toMatchObject({ isOurs: true, writerPort: 7 });
  expect(eventsOf([entry("routes", 7, 3, table, NLM.create)])[0]).not.toHaveProperty("isOurs");
  expect(eventsOf([entry("routes", 7, 3, 254, NLM.replace)])[0]).not.toHaveProperty("isOurs");
  const { lastTunnel } = PATH_NUMBERS;
  expect(eventsOf([entry("routes", 7, 3, tableOfPath(lastTunnel), NLM.replace)])[0]).toMatchObject({ isOurs: true });
  expect(eventsOf([entry("routes", 7, 3, tableOfPath(lastTunnel + 1), NLM.replace)])[0]).not.toHaveProperty("isOurs");
});

test("devices are named, so that only their engines are queried; filters and routes affect none, addresses any", () => {
  const link = (type: number, name: string): NetlinkMessage => {
    const writer = new MessageWriter();
    writer.bytes(new Uint8Array(16));
    writer.attributeText(3, name);
    return { type, flags: 0, sequence: 1, port: 0, payload: writer.take() };
  };
  const messages = [link(RTM.newLink, "awg-a"), newRoute(0, 1), generation(0, 1), link(RTM.deleteLink, "eth0")];
  expect(eventsOf(messages).map(({ what, devices }) => [what, devices])).toEqual([
    ["devices", ["awg-a", "eth0"]],
    ["routes", []],
    ["packet filter", []],
  ]);
  expect(eventsOf([entry("addresses", 0, 4)])[0]).not.toHaveProperty("devices");
});

/** The kernel on rp_filter or another setting of a device, or of all (index -1), as include/uapi/linux/netconf.h has it. */
function setting(attribute: number, value: number, index = -1): NetlinkMessage {
  const writer = new MessageWriter();
  writer.bytes(Uint8Array.of(2, 0, 0, 0));
  writer.attributeU32(1, index >>> 0);
  writer.attributeU32(attribute, value);
  return { type: RTM.newNetconf, flags: 0, sequence: 0, port: 0, payload: writer.take() };
}

test("rp_filter for all devices is reported unless this process wrote it last; other settings are not", () => {
  const [forwarding, filter] = [2, 3];
  expect(reported(setting(filter, 2))).toEqual(["kernel settings"]);
  noteOwnSetting("net.ipv4.conf.all.rp_filter", "2");
  expect(reported(setting(filter, 2))).toEqual([]);
  expect(reported(setting(filter, 1), setting(filter, 2))).toEqual(["kernel settings"]);
  expect(reported(setting(forwarding, 1), setting(filter, 1, 3))).toEqual([]);
});

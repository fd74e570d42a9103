import { expect, test } from "vitest";
import { eventsOf } from "../../../src/host/linux/network-events.ts";
import { MessageWriter } from "../../../src/native/linux/attribute.codec.ts";
import type { NetlinkMessage } from "../../../src/native/linux/netlink/message.codec.ts";
import { noteOwnPort, noteOwnTransaction, takeSequences } from "../../../src/native/linux/netlink/own-writes.ts";
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

const told = (...messages: readonly NetlinkMessage[]) => eventsOf(messages).map(({ what }) => what);

test("a transaction that the keeper made for this process is not told, under any of its sequence numbers", () => {
  noteOwnTransaction({ port: KEEPER, first: 0xffff_fffe, count: 4 });
  for (const sequence of [0xffff_fffe, 0xffff_ffff, 0, 1]) expect(told(generation(KEEPER, sequence))).toEqual([]);
  for (const sequence of [0xffff_fffd, 2]) expect(told(generation(KEEPER, sequence))).toEqual(["packet filter"]);
  expect(told(generation(KEEPER + 1, 0))).toEqual(["packet filter"]);
});

test("the keeper's transaction for somebody else is told, though the event of one of ours was lost or nobody listened yet", () => {
  noteOwnTransaction({ port: KEEPER, first: 100, count: 3 });
  noteOwnTransaction({ port: KEEPER, first: 106, count: 3 });
  expect(told(generation(KEEPER, 104), generation(KEEPER, 107))).toEqual(["packet filter"]);
  expect(told(generation(KEEPER, 104))).toEqual(["packet filter"]);
});

test("a request of this process is not told; one of a process that got the port id of a closed socket is", () => {
  noteOwnPort(77);
  const first = takeSequences(3);
  expect(told(newRoute(77, first), newRoute(77, (first + 2) >>> 0))).toEqual([]);
  expect(told(newRoute(77, (first + 3) >>> 0))).toEqual(["routes"]);
  expect(told(newRoute(77, (first + 0x8000_0000) >>> 0))).toEqual(["routes"]);
  expect(told(newRoute(78, first))).toEqual(["routes"]);
  expect(told(newRoute(0, first))).toEqual(["routes"]);
});

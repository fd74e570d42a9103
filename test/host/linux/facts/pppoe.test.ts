import { expect, test } from "vitest";
import { packetSocketDevices, sessionDevices } from "../../../../src/host/linux/facts/pppoe.ts";

test("devices of PPPoE sessions, in the kernel's form (pppoe_seq_show)", () => {
  const table = `Id       Address              Device
00000001 52:54:00:12:34:56     eth0
0000BEEF 52:54:00:12:34:57 enp0s31f6.7
`;
  expect(sessionDevices(table)).toEqual(["eth0", "enp0s31f6.7"]);
  expect(sessionDevices("Id       Address              Device\n")).toEqual([]);
});

test("devices of packet sockets for PPPoE, in the kernel's form (packet_seq_show)", () => {
  const table = `sk               RefCnt Type Proto  Iface R Rmem   User   Inode
0000000000000000 3      3    88cc   2     1 0      100    15775
0000000000000000 3      3    8863   4     1 0      0      16775
0000000000000000 3      3    8864   5     1 0      0      16776
0000000000000000 3      3    0003   0     1 0      0      16777
`;
  expect(packetSocketDevices(table)).toEqual([4, 5]);
});

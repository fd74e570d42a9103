import { expect, test } from "vitest";
import { isBeforeBatchedReads } from "../../../src/keeper/engines/engine-program.ts";
import { sharedSocket } from "../../../src/native/linux/process/engine-sockets.ts";

test.each([
  ["wireguard-go v0.0.20220316\n\nUserspace WireGuard daemon for linux-amd64.", true],
  ["wireguard-go 0.0.20230223", true],
  ["wireguard-go v0.0.20231211", false],
  ["wireguard-go v0.0.20250522", false],
  ["wireguard-go (devel)", false],
  ["", false],
])("%j expects packet information: %s", (text, expected) => {
  expect(isBeforeBatchedReads(text)).toBe(expected);
});

test("an engine answers where the cross-platform protocol says", () => {
  expect(sharedSocket("wireguard", "awg-a")).toBe("/var/run/wireguard/awg-a.sock");
  expect(sharedSocket("amneziawg", "awg-a")).toBe("/var/run/amneziawg/awg-a.sock");
});

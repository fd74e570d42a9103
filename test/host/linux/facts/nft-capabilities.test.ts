import { release } from "node:os";
import { expect, test } from "vitest";
import { isKernelAtLeast, readNftCapabilities } from "../../../../src/host/linux/facts/capabilities.ts";
import { errnoError } from "../../../../src/native/linux/errno.ts";
import type { NetlinkSocket } from "../../../../src/native/linux/netlink/netlink-socket.ffi.ts";

const ERRNO = { EPERM: 1, ENOENT: 2, EINTR: 4, ENOMEM: 12, EBUSY: 16, EINVAL: 22, EMFILE: 24, EPROTONOSUPPORT: 93 };
type Name = keyof typeof ERRNO;

const NONE = { nftables: false, egressHook: false, ownedTables: false };
const PROMISED = {
  nftables: isKernelAtLeast(release(), [4, 10]),
  egressHook: isKernelAtLeast(release(), [5, 16]),
  ownedTables: isKernelAtLeast(release(), [6, 9]),
};

/** A kernel that refuses the call of this name with this errno. */
function refusing(call: "open" | "dump" | "send" | "receive", name: Name): () => NetlinkSocket {
  const refuse = () => {
    throw errnoError(`refusing ${call}`, ERRNO[name]);
  };
  const socket = {
    dump: call === "dump" ? refuse : () => [],
    nextSequence: () => 1,
    send: call === "send" ? refuse : () => {},
    receive: refuse,
    [Symbol.dispose]: () => {},
  };
  return call === "open" ? refuse : () => socket as unknown as NetlinkSocket;
}

test.each([
  ["open", "EPROTONOSUPPORT"],
  ["dump", "EINVAL"],
] as const)("a kernel without nf_tables says so: %s, %s", (call, name) => {
  expect(readNftCapabilities(refusing(call, name))).toEqual(NONE);
});

test.each([
  ["open", "EPERM"],
  ["dump", "EPERM"],
  ["send", "EPERM"],
] as const)("who may not ask is told what the kernel's release promises: %s, %s", (call, name) => {
  expect(readNftCapabilities(refusing(call, name))).toEqual(PROMISED);
});

// Fault B4: a question that failed is no answer.
test.each([
  ["open", "EMFILE"],
  ["open", "ENOENT"],
  ["dump", "EBUSY"],
  ["dump", "ENOENT"],
  ["send", "EBUSY"],
  ["send", "ENOENT"],
  ["send", "ENOMEM"],
  ["send", "EINTR"],
  ["receive", "EBUSY"],
  ["receive", "ENOENT"],
] as const)("B4: a question that fails for another reason is told as what it is: %s, %s", (call, name) => {
  expect(() => readNftCapabilities(refusing(call, name))).toThrow(name);
});

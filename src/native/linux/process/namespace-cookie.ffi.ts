import { callLibc, checkedLibc } from "../libc.ffi.ts";

const AF_UNIX = 1;
const SOCK_DGRAM = 2;
const SOL_SOCKET = 1;
const SO_NETNS_COOKIE = 71;

/** The number of this thread's network namespace, which no other one has until the next boot (Linux 5.14). */
export function ownNamespaceCookie(): bigint {
  const descriptor = checkedLibc("opening a socket", "socket", AF_UNIX, SOCK_DGRAM, 0);
  try {
    const cookie = new BigUint64Array(1);
    const length = Uint32Array.of(cookie.byteLength);
    const bytes = new Uint8Array(cookie.buffer);
    checkedLibc(
      "reading the network namespace's cookie",
      "getsockopt",
      descriptor,
      SOL_SOCKET,
      SO_NETNS_COOKIE,
      bytes,
      length,
    );
    return cookie[0] ?? 0n;
  } finally {
    callLibc("close", descriptor);
  }
}

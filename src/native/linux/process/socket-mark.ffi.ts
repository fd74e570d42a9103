import { callLibc } from "../libc.ffi.ts";

const SOL_SOCKET = 1;
const SO_MARK = 36;
const SO_NETNS_COOKIE = 71;

/** The mark of a socket's packets (SO_MARK); undefined for what is no socket. */
export function readSocketMark(descriptor: number): number | undefined {
  const mark = new Uint32Array(1);
  return readOption(descriptor, SO_MARK, new Uint8Array(mark.buffer)) ? mark[0] : undefined;
}

/** Sets it; whether that succeeded. Needs CAP_NET_ADMIN. */
export function writeSocketMark(descriptor: number, mark: number): boolean {
  const bytes = new Uint8Array(Uint32Array.of(mark).buffer);
  return callLibc("setsockopt", descriptor, SOL_SOCKET, SO_MARK, bytes, bytes.length) === 0;
}

/** The cookie of a socket's network namespace (SO_NETNS_COOKIE, Linux 5.14); undefined for what is no socket. */
export function readSocketNamespace(descriptor: number): bigint | undefined {
  const cookie = new BigUint64Array(1);
  return readOption(descriptor, SO_NETNS_COOKIE, new Uint8Array(cookie.buffer)) ? cookie[0] : undefined;
}

function readOption(descriptor: number, option: number, value: Uint8Array): boolean {
  return callLibc("getsockopt", descriptor, SOL_SOCKET, option, value, Uint32Array.of(value.length)) === 0;
}

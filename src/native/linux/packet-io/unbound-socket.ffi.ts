import { errnoError } from "../errno.ts";
import { callLibc, checkedLibc, closeDescriptor, lastErrno } from "../libc.ffi.ts";
import { withFilesystemUser } from "../process/credentials.ffi.ts";

const AF_INET = 2;
const AF_INET6 = 10;
const SOCK_STREAM = 1;
const SOCK_DGRAM = 2;
const SOCK_CLOEXEC_NONBLOCK = 0o2000000 | 0o4000;
const SOL_SOCKET = 1;
const SO_MARK = 36;
const SO_BINDTODEVICE = 25;

export interface UnboundSocketOptions {
  readonly family: 4 | 6;
  /** TCP; else UDP. */
  readonly stream: boolean;
  /** SO_MARK; omitted where this process may not set it. */
  readonly mark?: number;
  /** The owner of the socket; this process's user by default. */
  readonly user?: { readonly uid: number; readonly gid: number };
  /** The only device that it sends by; the host's routes decide where absent. */
  readonly device?: string;
}

/**
 * A non-blocking socket for a library that takes a descriptor; the caller closes it.
 *
 * @throws AwgError("unsupported") without the family, ("permission") for a user that this process may not use
 */
export function openUnboundSocket({ family, stream, mark, user, device }: UnboundSocketOptions): number {
  const kind = (stream ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC_NONBLOCK;
  const make = () =>
    checkedLibc(`opening a socket for IPv${family}`, "socket", family === 4 ? AF_INET : AF_INET6, kind, 0);
  const fd = user === undefined ? make() : withFilesystemUser(user.uid, user.gid, make);
  if (mark !== undefined) setMark(fd, mark);
  if (device !== undefined) bindToDevice(fd, device);
  return fd;
}

function bindToDevice(fd: number, device: string): void {
  const name = new TextEncoder().encode(`${device}\0`);
  if (callLibc("setsockopt", fd, SOL_SOCKET, SO_BINDTODEVICE, name, name.length) === 0) return;
  const error = errnoError(`binding to ${device}`, lastErrno());
  closeDescriptor(fd);
  throw error;
}

/** Without CAP_NET_ADMIN the socket stays unmarked; the firewall then drops what needs a mark. */
function setMark(fd: number, mark: number): void {
  callLibc("setsockopt", fd, SOL_SOCKET, SO_MARK, new Uint8Array(Uint32Array.of(mark).buffer), 4);
}

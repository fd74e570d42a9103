import { AwgError } from "../../../model/error.ts";
import { callLibc, checkedLibc, closeDescriptor } from "../libc.ffi.ts";

const AF_UNIX = 1;
const SOCK_DGRAM_CLOEXEC_NONBLOCK = 2 | 0o2000000 | 0o4000;
const MSG_NOSIGNAL = 0x4000;
/** sun_path of unix(7). */
const PATH_BYTES = 108;

/**
 * Sends one datagram to a unix socket; Node has none of these. `@` at the start of the path means the abstract
 * namespace (sd_notify(3)). Never waits.
 *
 * @throws AwgError host if no process receives there, bug for a path that no socket can have
 */
export function sendDatagram(path: string, text: string): void {
  const name = Buffer.from(path.startsWith("@") ? `\0${path.slice(1)}` : `${path}\0`);
  if (!/^[@/]./.test(path) || name.length > PATH_BYTES) {
    throw new AwgError("bug", "this is no address of a unix socket");
  }
  const address = new Uint8Array(2 + name.length);
  new DataView(address.buffer).setUint16(0, AF_UNIX, true);
  address.set(name, 2);
  const data = Buffer.from(text);
  const fd = callLibc("socket", AF_UNIX, SOCK_DGRAM_CLOEXEC_NONBLOCK, 0);
  try {
    const action = "reporting to the service manager";
    checkedLibc(action, "sendto", fd, data, data.length, MSG_NOSIGNAL, address, address.length);
  } finally {
    closeDescriptor(fd);
  }
}

import type { Family, IpAddress } from "../../../../src/model/ip.ts";
import { ipFromBytes, renderIp } from "../../../../src/model/ip.ts";
import { constant, StructView, sizeOf } from "./abi.ts";
import { UnfaithfulCall } from "./accepted.ts";
import { type Descriptor, type Failure, fail, type Kernel } from "./descriptor.ts";
import { familyNumber, ipSockaddr } from "./route/sockaddr.ts";

/** SO_ERROR of bsd/sys/socket.h. */
const SO_ERROR = 0x1007;

/** A TCP socket that begins a connection without waiting: who listens on this machine answers, everybody else refuses. */
export class StreamSocket implements Descriptor {
  readonly kind = "stream";
  nonblocking = false;
  closeOnExec = false;
  readonly family: Family;
  readonly #kernel: Kernel;
  #boundTo = 0;
  #other: IpAddress | undefined;
  #failure: string | undefined;

  constructor(kernel: Kernel, family: Family) {
    this.#kernel = kernel;
    this.family = family;
  }

  connect(address: Uint8Array): number | Failure {
    this.#kernel.log.take("connect stream");
    if (!this.nonblocking) throw new UnfaithfulCall("connect stream", "on a blocking socket: it would wait");
    const [struct, prefix] =
      this.family === 4 ? (["sockaddr_in", "sin"] as const) : (["sockaddr_in6", "sin6"] as const);
    const view = new StructView(struct, address);
    if (address.length !== sizeOf(struct) || view.get(`${prefix}_len`) !== address.length)
      throw new UnfaithfulCall("connect stream", `${struct} of ${address.length} bytes`);
    if (view.get(`${prefix}_family`) !== familyNumber(this.family)) return fail("EAFNOSUPPORT");
    const other = ipFromBytes(Uint8Array.from(view.bytes(`${prefix}_addr`)));
    if (other === undefined) throw new UnfaithfulCall("connect stream", "no address");
    const { machine } = this.#kernel;
    if (machine.lookUp(other, this.#boundTo) === undefined) return fail("ENETUNREACH");
    // sin_port is in network order.
    const [high = 0, low = 0] = view.bytes(`${prefix}_port`);
    const port = (high << 8) | low;
    const text = renderIp(other);
    const isHeard = machine.processes.sockets.some(
      ({ protocol, local, remote }) => protocol === "tcp" && remote[1] === 0 && local[0] === text && local[1] === port,
    );
    this.#failure = isHeard ? undefined : "ECONNREFUSED";
    this.#other = isHeard ? other : undefined;
    return fail("EINPROGRESS");
  }

  setsockopt(level: number, name: number, value: Uint8Array): number | Failure {
    const isV6 = level === 41 && name === constant("IPV6_BOUND_IF");
    if (!isV6 && !(level === 0 && name === constant("IP_BOUND_IF")))
      throw new UnfaithfulCall("setsockopt stream", `level ${level} option ${name}`);
    this.#kernel.log.take(isV6 ? "setsockopt IPV6_BOUND_IF" : "setsockopt IP_BOUND_IF");
    if (isV6 !== (this.family === 6) || value.length !== 4) return fail("EINVAL");
    this.#boundTo = new DataView(value.buffer, value.byteOffset).getUint32(0, true);
    return this.#kernel.machine.interfaceAt(this.#boundTo) === undefined ? fail("ENXIO") : 0;
  }

  getsockopt(level: number, name: number, buffer: Uint8Array): { readonly length: number } | Failure {
    if (level !== constant("SOL_SOCKET") || name !== SO_ERROR || buffer.length !== 4)
      throw new UnfaithfulCall("getsockopt stream", `level ${level} option ${name}`);
    this.#kernel.log.take("getsockopt SO_ERROR");
    // Asked for, it is cleared.
    const number = this.#failure === undefined ? 0 : constant(this.#failure);
    this.#failure = undefined;
    new DataView(buffer.buffer, buffer.byteOffset).setUint32(0, number, true);
    return { length: 4 };
  }

  getpeername(buffer: Uint8Array): { readonly length: number } | Failure {
    this.#kernel.log.take("getpeername");
    if (this.#other === undefined) return fail("ENOTCONN");
    const address = ipSockaddr(this.#other);
    buffer.set(address.subarray(0, buffer.length));
    return { length: address.length };
  }

  close(): void {
    this.#other = undefined;
  }
}

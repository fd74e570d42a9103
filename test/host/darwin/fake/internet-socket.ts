import type { Family } from "../../../../src/model/ip.ts";
import { addressBits, type IpAddress } from "../../../../src/model/ip.ts";
import { constant, ioctlName, ioctlSize, StructView } from "./abi.ts";
import { UnfaithfulCall } from "./accepted.ts";
import { type Descriptor, type Failure, fail, type Kernel } from "./descriptor.ts";
import type { FakeInterface } from "./machine.ts";
import { familyNumber, readMask, readSockaddr } from "./route/sockaddr.ts";

/** No duplicate address detection, and the flag sing-tun and Apple's own tunnels set. */
const WANTED_V6_FLAGS = ["IN6_IFF_NODAD", "IN6_IFF_SECURED"] as const;
const FOREVER = 0xffff_ffff;
/** IP_TTL of bsd/netinet/in.h and IPV6_UNICAST_HOPS of bsd/netinet6/in6.h. */
const HOPS = 4;

/** A datagram socket of IPv4 or IPv6: the handle for interface ioctls, for binding to an interface and for sending there. */
export class InternetSocket implements Descriptor {
  readonly kind = "dgram";
  nonblocking = false;
  closeOnExec = false;
  /** Interface index of IP_BOUND_IF, 0 for none. */
  boundTo = 0;
  readonly family: Family;
  readonly #kernel: Kernel;
  #way: { readonly destination: IpAddress; readonly port: number; readonly interfaceIndex: number } | undefined;

  constructor(kernel: Kernel, family: Family) {
    this.#kernel = kernel;
    this.family = family;
  }

  /** Remembers the other end; fails where no route leads there. */
  connect(address: Uint8Array): number | Failure {
    this.#kernel.log.take("connect dgram");
    // sin_port and sin6_port are in network order.
    const port = new DataView(address.buffer, address.byteOffset).getUint16(2, false);
    const destination = plainAddress("connect dgram", Uint8Array.from(address).fill(0, 2, 4));
    if (destination.family !== this.family) return fail("EAFNOSUPPORT");
    const route = this.#kernel.machine.lookUp(destination, this.boundTo);
    if (route === undefined) return fail(this.family === 4 ? "ENETUNREACH" : "EHOSTUNREACH");
    this.#way = { destination, port, interfaceIndex: this.boundTo || route.interfaceIndex };
    return 0;
  }

  /**
   * Sends a datagram. ip_output (bsd/netinet/ip_output.c) keeps PF's refusal to itself, so that an IPv4 send succeeds
   * whatever became of the packet; ip6_output gives an error. What a content filter holds back was taken.
   */
  write(bytes: Uint8Array): number | Failure {
    this.#kernel.log.take("write dgram");
    const { machine, caller } = this.#kernel;
    if (this.#way === undefined) return fail("EDESTADDRREQ");
    const { destination, port, interfaceIndex } = this.#way;
    const device = machine.interfaceAt(interfaceIndex);
    const source = device?.addresses.find(({ prefix }) => prefix.family === this.family)?.prefix;
    if (device === undefined || source === undefined) return fail("EADDRNOTAVAIL");
    if (machine.contentFilters > 0) return bytes.length;
    const packet = {
      direction: "out",
      device: device.name,
      source: { family: source.family, value: source.address },
      destination,
      protocol: 17,
      sourcePort: 50_000,
      destinationPort: port,
      isLaterFragment: false,
      isOpening: false,
      uid: caller.uid,
    } as const;
    const isStopped = machine.emit(packet, "awg") === "stopped";
    return isStopped && this.family === 6 ? fail("EHOSTUNREACH") : bytes.length;
  }

  setsockopt(level: number, name: number, value: Uint8Array): number | Failure {
    const [IP, IPV6] = [0, 41];
    const hops = this.family === 4 ? "IP_TTL" : "IPV6_UNICAST_HOPS";
    if (level === (this.family === 4 ? IP : IPV6) && name === HOPS) {
      this.#kernel.log.take(`setsockopt ${hops}`);
      return value.length === 4 && value[0] !== 0 ? 0 : fail("EINVAL");
    }
    const isV6 = level === IPV6 && name === constant("IPV6_BOUND_IF");
    if (!isV6 && !(level === IP && name === constant("IP_BOUND_IF"))) {
      throw new UnfaithfulCall("setsockopt dgram", `level ${level} option ${name}`);
    }
    this.#kernel.log.take(isV6 ? "setsockopt IPV6_BOUND_IF" : "setsockopt IP_BOUND_IF");
    if (isV6 !== (this.family === 6)) return fail("EINVAL");
    if (value.length !== 4) return fail("EINVAL");
    const index = new DataView(value.buffer, value.byteOffset).getUint32(0, true);
    if (index !== 0 && this.#kernel.machine.interfaceAt(index) === undefined) return fail("ENXIO");
    this.boundTo = index;
    return 0;
  }

  ioctl(request: number, argument: Uint8Array): number | Failure {
    const name = ioctlName(request);
    if (name === undefined) throw new UnfaithfulCall("ioctl dgram", `request ${request}`);
    const call = `ioctl ${name}`;
    this.#kernel.log.take(call);
    const size = ioctlSize(request);
    if (argument.length !== size) throw new UnfaithfulCall(call, `${argument.length} bytes, ${size} in the request`);
    const wantsV6 = name.endsWith("_IN6");
    if (wantsV6 && this.family !== 6) throw new UnfaithfulCall(call, "on an IPv4 socket");
    if ((name === "SIOCAIFADDR" || name === "SIOCDIFADDR") && this.family !== 4) {
      throw new UnfaithfulCall(call, "on an IPv6 socket");
    }
    if (!name.startsWith("SIOCG") && this.#kernel.caller.uid !== 0) return fail("EPERM");
    const device = this.#kernel.machine.interfaceNamed(new StructView("ifreq", argument).text("ifr_name"));
    if (device === undefined) return fail("ENXIO");
    return this.#onDevice(name, device, argument);
  }

  close(): void {
    this.boundTo = 0;
  }

  #onDevice(name: string, device: FakeInterface, argument: Uint8Array): number | Failure {
    const { machine } = this.#kernel;
    const view = new StructView("ifreq", argument);
    switch (name) {
      case "SIOCGIFMTU":
        view.set("ifr_ifru.ifru_mtu", device.mtu);
        return 0;
      case "SIOCSIFMTU":
        device.mtu = view.get("ifr_ifru.ifru_mtu");
        break;
      case "SIOCGIFFLAGS":
        view.set("ifr_ifru.ifru_flags", device.flags & 0xffff);
        return 0;
      case "SIOCSIFFLAGS":
        device.flags = view.get("ifr_ifru.ifru_flags");
        break;
      case "SIOCAIFADDR":
        return this.#addV4(device, argument);
      case "SIOCAIFADDR_IN6":
        return this.#addV6(device, argument);
      case "SIOCDIFADDR":
        return this.#removeAddress(name, device, argument.subarray(16, 32));
      case "SIOCDIFADDR_IN6":
        return this.#removeAddress(name, device, argument.subarray(16, 44));
      default:
        throw new UnfaithfulCall(`ioctl ${name}`, "not for interfaces");
    }
    machine.tell({ kind: "interface", interfaceIndex: device.index });
    return 0;
  }

  #addV4(device: FakeInterface, argument: Uint8Array): number | Failure {
    const call = "ioctl SIOCAIFADDR";
    const view = new StructView("ifaliasreq", argument);
    const address = plainAddress(call, view.bytes("ifra_addr"));
    const length = readMask(call, view.bytes("ifra_mask"));
    const isPointToPoint = (device.flags & constant("IFF_POINTOPOINT")) !== 0;
    const other = view.bytes("ifra_broadaddr");
    const peer = other[0] === 0 ? undefined : plainAddress(call, other);
    if (isPointToPoint && peer === undefined)
      throw new UnfaithfulCall(call, "no other end on a point-to-point interface");
    const prefix = { family: 4, address: address.value, length } as const;
    this.#kernel.machine.addAddress(device, { prefix, peer: isPointToPoint ? peer : undefined });
    return 0;
  }

  #addV6(device: FakeInterface, argument: Uint8Array): number | Failure {
    const call = "ioctl SIOCAIFADDR_IN6";
    const view = new StructView("in6_aliasreq", argument);
    const address = plainAddress(call, view.bytes("ifra_addr"));
    const length = readMask(call, view.bytes("ifra_prefixmask"));
    const other = view.bytes("ifra_dstaddr");
    const peer = other[0] === 0 ? undefined : plainAddress(call, other);
    if (peer !== undefined && length !== addressBits(6)) return fail("EINVAL");
    // in6_ifinit makes the route to the peer first, and then finds no place for its own to the loopback.
    if (peer?.value === address.value) throw new UnfaithfulCall(call, "the other end is the address itself");
    const wanted = WANTED_V6_FLAGS.reduce((flags, name) => flags | constant(name), 0);
    if (view.get("ifra_flags") !== wanted) throw new UnfaithfulCall(call, `flags ${view.get("ifra_flags")}`);
    const times = ["ia6t_vltime", "ia6t_pltime"].map((time) => view.get(`ifra_lifetime.${time}`));
    if (times.some((time) => time !== FOREVER)) throw new UnfaithfulCall(call, "the address would expire");
    this.#kernel.machine.addAddress(device, { prefix: { family: 6, address: address.value, length }, peer });
    return 0;
  }

  #removeAddress(name: string, device: FakeInterface, bytes: Uint8Array): number | Failure {
    const { family, value } = plainAddress(`ioctl ${name}`, bytes);
    const prefix = { family, address: value, length: addressBits(family) };
    return this.#kernel.machine.removeAddress(device, prefix) ? 0 : fail("EADDRNOTAVAIL");
  }
}

function plainAddress(call: string, bytes: Uint8Array): IpAddress {
  const read = readSockaddr(call, bytes);
  if (read.kind !== "ip") throw new UnfaithfulCall(call, "a link address");
  if (bytes[1] !== familyNumber(read.address.family)) throw new UnfaithfulCall(call, "family");
  return read.address;
}

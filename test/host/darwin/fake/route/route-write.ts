import { addressBits, type IpAddress } from "../../../../../src/model/ip.ts";
import { canonicalPrefix } from "../../../../../src/model/prefix.ts";
import { constant, StructView, sizeOf } from "../abi.ts";
import { UnfaithfulCall } from "../accepted.ts";
import { type FakeMachine, type FakeRoute, ROUTE_FLAG } from "../machine.ts";
import { readMask, readSockaddr, type SocketAddress } from "./sockaddr.ts";

/** A routing message as the kernel understood it. */
export interface RouteRequest {
  readonly type: "RTM_ADD" | "RTM_DELETE" | "RTM_CHANGE" | "RTM_GET";
  readonly flags: number;
  readonly index: number;
  readonly seq: number;
  readonly mtu: number;
  readonly addresses: ReadonlyMap<string, Uint8Array>;
}

const TYPES = ["RTM_ADD", "RTM_DELETE", "RTM_CHANGE", "RTM_GET"] as const;
const AXES = ["DST", "GATEWAY", "NETMASK", "GENMASK", "IFP", "IFA", "AUTHOR", "BRD"] as const;

/** Takes a written message apart as route_output does; a number is the errno of one that the kernel refuses unread. */
export function parseRouteRequest(bytes: Uint8Array): RouteRequest | number {
  const header = sizeOf("rt_msghdr");
  if (bytes.length < header) return constant("EINVAL");
  const view = new StructView("rt_msghdr", bytes);
  if (view.get("rtm_msglen") !== bytes.length) return constant("EINVAL");
  if (view.get("rtm_version") !== constant("RTM_VERSION")) return constant("EPROTONOSUPPORT");
  const type = TYPES.find((name) => constant(name) === view.get("rtm_type"));
  if (type === undefined) throw new UnfaithfulCall("write PF_ROUTE", `message type ${view.get("rtm_type")}`);
  const call = `write ${type}`;
  if (view.get("rtm_errno") !== 0) throw new UnfaithfulCall(call, "rtm_errno is not zero");
  const addresses = splitAddresses(call, bytes.subarray(header), view.get("rtm_addrs"));
  if (typeof addresses === "number") return addresses;
  const locked = (view.get("rtm_rmx.rmx_locks") & view.get("rtm_inits") & constant("RTV_MTU")) !== 0;
  const mtu = view.get("rtm_rmx.rmx_mtu");
  if (mtu !== 0 && !locked) throw new UnfaithfulCall(call, "rmx_mtu without RTV_MTU in rtm_inits and rmx_locks");
  const [flags, index, seq] = [view.get("rtm_flags"), view.get("rtm_index"), view.get("rtm_seq")];
  if (seq === 0) throw new UnfaithfulCall(call, "rtm_seq 0 cannot be told from the kernel's own messages");
  if ((flags & constant("RTF_IFSCOPE")) !== 0 && index === 0)
    throw new UnfaithfulCall(call, "RTF_IFSCOPE without index");
  return { type, flags, index, seq, mtu, addresses };
}

/** Does what the message says. The answer is the route concerned, or the errno. */
export function performRoute(machine: FakeMachine, request: RouteRequest): FakeRoute | number {
  const call = `write ${request.type}`;
  const destination = ipOf(call, request, "DST");
  const scope = (request.flags & constant("RTF_IFSCOPE")) !== 0 ? request.index : 0;
  if (scope !== 0 && machine.interfaceAt(scope) === undefined) return constant("EINVAL");
  if (request.type === "RTM_GET") return machine.lookUp(destination, scope) ?? constant("ESRCH");
  const bits = addressBits(destination.family);
  const mask = request.addresses.get("NETMASK");
  const isHost = (request.flags & ROUTE_FLAG.host) !== 0;
  if (!isHost && mask === undefined) throw new UnfaithfulCall(call, "neither RTF_HOST nor a netmask");
  const length = isHost || mask === undefined ? bits : readMask(call, mask);
  const asked = { family: destination.family, address: destination.value, length };
  const prefix = canonicalPrefix(asked);
  if (prefix.address !== asked.address) throw new UnfaithfulCall(call, "host bits behind the netmask");
  const standing = machine.findRoute(prefix, scope);
  if (request.type === "RTM_DELETE") {
    if (standing === undefined) return constant("ESRCH");
    machine.dropRoute(standing);
    return standing;
  }
  const next = nextHop(machine, call, request, destination);
  if (typeof next === "number") return next;
  if (request.type === "RTM_CHANGE") {
    if (standing === undefined) return constant("ESRCH");
    standing.gateway = next.gateway;
    standing.interfaceIndex = next.interfaceIndex;
    if (request.mtu !== 0) standing.mtu = request.mtu;
    return standing;
  }
  if (standing !== undefined) return constant("EEXIST");
  const flags = (request.flags & ~constant("RTF_IFSCOPE")) | (scope === 0 ? 0 : constant("RTF_IFSCOPE"));
  const route: FakeRoute = { prefix, flags: flags | ROUTE_FLAG.up, ...next, scope, mtu: request.mtu };
  machine.routes.push(route);
  return route;
}

/** Gateway and interface of a new route. An interface without an address cannot be one (ENETUNREACH). */
function nextHop(
  machine: FakeMachine,
  call: string,
  request: RouteRequest,
  { family }: IpAddress,
): Pick<FakeRoute, "gateway" | "interfaceIndex"> | number {
  const bytes = request.addresses.get("GATEWAY");
  if (bytes === undefined) return constant("EINVAL");
  const gateway: SocketAddress = readSockaddr(call, bytes);
  const viaAddress = (request.flags & ROUTE_FLAG.gateway) !== 0;
  if (viaAddress !== (gateway.kind === "ip")) {
    throw new UnfaithfulCall(call, "RTF_GATEWAY goes with an address, a link gateway without it");
  }
  if (gateway.kind === "link") {
    const device = machine.interfaceAt(gateway.index);
    const usable = device?.addresses.some(({ prefix }) => prefix.family === family) === true;
    return usable ? { gateway: "link", interfaceIndex: gateway.index } : constant("ENETUNREACH");
  }
  if (gateway.address.family !== family) return constant("EINVAL");
  const device = gateway.scope === 0 ? machine.interfaceToward(gateway.address) : machine.interfaceAt(gateway.scope);
  if (device === undefined) return constant("ENETUNREACH");
  return { gateway: gateway.address, interfaceIndex: namedInterface(machine, call, request) ?? device.index };
}

/** rt_setif: the interface that RTA_IFP names takes the place of the one that was found, if there is such an interface. */
function namedInterface(machine: FakeMachine, call: string, request: RouteRequest): number | undefined {
  const bytes = request.addresses.get("IFP");
  if (bytes === undefined) return undefined;
  const named = readSockaddr(call, bytes);
  if (named.kind !== "link") throw new UnfaithfulCall(call, "RTA_IFP is no link address");
  return machine.interfaceAt(named.index)?.index;
}

function ipOf(call: string, request: RouteRequest, axis: string): IpAddress {
  const bytes = request.addresses.get(axis);
  if (bytes === undefined) throw new UnfaithfulCall(call, `no RTA_${axis}`);
  const read = readSockaddr(call, bytes);
  if (read.kind !== "ip") throw new UnfaithfulCall(call, `RTA_${axis} is a link address`);
  return read.address;
}

/** The addresses of a message by name; each is advanced by its length rounded up to four, zero-filled, and none is left over. */
function splitAddresses(call: string, area: Uint8Array, bits: number): Map<string, Uint8Array> | number {
  const found = new Map<string, Uint8Array>();
  let at = 0;
  for (const [index, name] of AXES.entries()) {
    if ((bits & (1 << index)) === 0) continue;
    const length = area[at] ?? 0;
    if (length === 0) return constant("EINVAL");
    const next = at + Math.max(4, (length + 3) & ~3);
    if (next > area.length) return constant("EINVAL");
    if (area.subarray(at + length, next).some((byte) => byte !== 0)) throw new UnfaithfulCall(call, "padding not zero");
    found.set(name, area.subarray(at, at + length));
    at = next;
  }
  if (at !== area.length) throw new UnfaithfulCall(call, `${area.length - at} bytes behind the last address`);
  return found;
}

import { AwgError } from "../../../model/error.ts";
import { parseIp } from "../../../model/ip.ts";
import { canonicalPrefix, parsePrefix, renderPrefix } from "../../../model/prefix.ts";
import type { LinkObserved, LinkSpec } from "../../../model/resources/link.ts";
import { tunnelOfDevice } from "../../../model/resources/tunnel-key.ts";
import { checkedCall, withSocket } from "../../../native/darwin/calls.ts";
import { INTERFACE, SOCKET } from "../../../native/darwin/constants.ts";
import { darwinError } from "../../../native/darwin/errno.ts";
import type { LibSystem } from "../../../native/darwin/libsystem.ts";
import type { Interface } from "../../../native/darwin/link/interface-message.codec.ts";
import {
  addAddressRequest,
  flagsOf,
  type InterfaceRequest,
  mtuRequest,
  readFlagsRequest,
  removeAddressRequest,
  writeFlagsRequest,
} from "../../../native/darwin/link/interface-request.codec.ts";
import type { LinkPort } from "../../ports/links.ts";
import { readInterfaces } from "./interfaces.ts";
import { noteLinkWrite } from "./own-link-writes.ts";
import { deviceOfInterface, type UtunHolder } from "./utun-holder.ts";

const EADDRNOTAVAIL = 49;

/** The dependencies of a Mac's links. */
export interface DarwinLinksDeps {
  readonly system: LibSystem;
  readonly holder: UtunHolder;
}

/**
 * Devices of a Mac. A tunnel's device is a utun, with the configured unit or one chosen by the kernel; awg keeps using
 * the tunnel's device name. A utun is ours if the holder has its descriptor.
 */
export function darwinLinks(deps: DarwinLinksDeps): LinkPort {
  return {
    read: () => readLinks(deps),
    ensure: (spec) => ensureLink(deps, spec),
    remove: (device) => removeLink(deps, device),
  };
}

async function readLinks({ system, holder }: DarwinLinksDeps): Promise<LinkObserved[]> {
  const [held, stated] = [await holder.held(), await holder.stated()];
  return readInterfaces(system).map((one) => {
    const device = deviceOfInterface(held, one.name);
    const isOurs = device !== one.name;
    return {
      device,
      index: one.index,
      type: isOurs ? "tun" : "other",
      up: (one.flags & INTERFACE.IFF_UP) !== 0,
      mtuBytes: one.mtuBytes,
      addresses: addressTexts(one).sort(),
      tunnel: isOurs ? tunnelOfDevice(device) : undefined,
      held: true,
      // A unit chosen by the kernel may belong to another program when the device is created again, so it is not
      // requested.
      ...(stated.has(device) ? { unit: Number(one.name.slice("utun".length)) } : {}),
    };
  });
}

/** An address with a non-contiguous mask has no prefix length; macOS sets none. */
function addressTexts({ addresses }: Interface): string[] {
  return addresses.flatMap(({ address, prefixLength }) =>
    prefixLength === undefined ? [] : [`${address}/${prefixLength}`],
  );
}

async function ensureLink({ system, holder }: DarwinLinksDeps, spec: LinkSpec): Promise<void> {
  if (spec.type !== "tun") {
    throw new AwgError("unsupported", `macOS has no kernel WireGuard, which ${spec.device} requests`, {
      remedy: "set engine: embedded",
    });
  }
  const name = await holder.hold(spec.device, spec.unit);
  if (spec.unit !== undefined && name !== `utun${spec.unit}`) {
    throw new AwgError("host", `${spec.device} is ${name} instead of utun${spec.unit}`, {
      remedy: "stop the keeper (awg service stop, if it is installed), then apply again",
    });
  }
  const existing = readInterfaces(system).find((one) => one.name === name);
  if (existing === undefined) throw new AwgError("host", `the interface ${name} disappeared while awg created it`);
  const { index, flags } = existing;
  const { mtuBytes } = spec;
  if (existing.mtuBytes !== mtuBytes) {
    noteLinkWrite({ what: "state", index, flags, mtuBytes });
    perform(system, `setting the mtu of ${name}`, mtuRequest(name, mtuBytes));
  }
  ensureAddresses(system, existing, spec.addresses);
  if ((flags & INTERFACE.IFF_UP) !== 0) return;
  noteLinkWrite({ what: "state", index, flags: flags | INTERFACE.IFF_UP, mtuBytes });
  setUp(system, name);
}

/** Adds before it deletes, so that the interface always has an address: its routes are deleted with the last one. */
function ensureAddresses(system: LibSystem, { name, index, addresses }: Interface, wanted: readonly string[]): void {
  const existing = addresses.map(({ address, prefixLength }) => ({ address, text: `${address}/${prefixLength}` }));
  const texts = new Set(existing.map(({ text }) => text));
  const kept = new Set(wanted.map(addressOf));
  for (const text of wanted) {
    if (texts.has(text)) continue;
    // Adding an existing address with another length changes it: the kernel deletes and adds it.
    const old = existing.find(({ address }) => address === addressOf(text));
    if (old !== undefined) noteAddress(index, "removed", old.text);
    noteAddress(index, "added", text);
    perform(system, `giving ${name} the address ${text}`, addAddressRequest(name, text));
  }
  for (const { address, text } of existing) {
    if (kept.has(address) || isLinkLocal(address)) continue;
    noteAddress(index, "removed", text);
    const { family, request, argument } = removeAddressRequest(name, text);
    const { value, errno } = ioctlOn(system, family, request, argument);
    if (value === -1 && errno !== EADDRNOTAVAIL) throw darwinError(`removing the address ${text} from ${name}`, errno);
  }
}

function addressOf(text: string): string {
  return text.slice(0, text.indexOf("/"));
}

function noteAddress(index: number, change: "added" | "removed", text: string): void {
  const prefix = parsePrefix(text);
  const route = prefix === undefined ? text : renderPrefix(canonicalPrefix(prefix));
  noteLinkWrite({ what: "address", change, index, address: addressOf(text), prefix: route });
}

function isLinkLocal(address: string): boolean {
  const ip = parseIp(address);
  return ip?.family === 6 && ip.value >> 118n === 0x3fan;
}

function setUp(system: LibSystem, name: string): void {
  const read = readFlagsRequest(name);
  perform(system, `reading the flags of ${name}`, read);
  perform(system, `setting ${name} up`, writeFlagsRequest(name, flagsOf(read) | INTERFACE.IFF_UP));
}

async function removeLink({ system, holder }: DarwinLinksDeps, device: string): Promise<void> {
  if ((await holder.held()).has(device)) return holder.release(device);
  if (readInterfaces(system).every(({ name }) => name !== device)) return;
  throw new AwgError("conflict", `the interface ${device} exists and awg did not make it`, {
    facts: { device },
    remedy: "set another name for the tunnel",
  });
}

function perform(system: LibSystem, action: string, { family, request, argument }: InterfaceRequest): void {
  checkedCall(action, ioctlOn(system, family, request, argument));
}

function ioctlOn(system: LibSystem, family: 4 | 6, request: number, argument: Uint8Array) {
  const domain = family === 4 ? SOCKET.AF_INET : SOCKET.AF_INET6;
  const kind = { domain, type: SOCKET.SOCK_DGRAM, protocol: 0 };
  return withSocket(system, kind, (fd) => system.ioctl(fd, request, argument));
}

import { addressBits, type Family, type IpAddress, ipFromBytes, ipToBytes } from "../../../../../src/model/ip.ts";
import type { Prefix } from "../../../../../src/model/prefix.ts";
import { constant, StructView, sizeOf } from "../abi.ts";
import { UnfaithfulCall } from "../accepted.ts";
import type { FakeInterface } from "../machine.ts";

/** A socket address as the kernel reads it from a buffer. */
export type SocketAddress =
  | { readonly kind: "ip"; readonly address: IpAddress; readonly scope: number }
  | { readonly kind: "link"; readonly index: number };

/** sockaddr_in or sockaddr_in6 of an address; a link-local one carries its scope in bytes 2-3, as kernels dump it. */
export function ipSockaddr(address: IpAddress, scope = 0): Uint8Array {
  const struct = address.family === 4 ? "sockaddr_in" : "sockaddr_in6";
  const prefix = address.family === 4 ? "sin" : "sin6";
  const bytes = new Uint8Array(sizeOf(struct));
  const view = new StructView(struct, bytes);
  view.set(`${prefix}_len`, bytes.length);
  view.set(`${prefix}_family`, familyNumber(address.family));
  const inside = view.bytes(`${prefix}_addr`);
  inside.set(ipToBytes(address));
  if (address.family === 6 && inside[0] === 0xfe && ((inside[1] ?? 0) & 0xc0) === 0x80 && scope !== 0) {
    inside[2] = scope >> 8;
    inside[3] = scope & 0xff;
  }
  return bytes;
}

/** A netmask as kernels hand it out: trailing zeros cut off, length 0 for an IPv4 default, family byte 0xff for an IPv4 net. */
export function trimmedMask({ family, length }: Prefix): Uint8Array {
  const first = family === 4 ? 4 : 8;
  const mask = maskBytes(family, length);
  const used = Math.ceil(length / 8);
  if (used === 0) return family === 4 ? new Uint8Array(0) : Uint8Array.of(2, familyNumber(6));
  const bytes = new Uint8Array(first + used);
  if (family === 4 && length === 24) bytes.fill(0xff);
  bytes[0] = bytes.length;
  if (!(family === 4 && length === 24)) bytes[1] = familyNumber(family);
  bytes.set(mask.subarray(0, used), first);
  return bytes;
}

/** A netmask with all its bytes. */
export function maskBytes(family: Family, length: number): Uint8Array {
  const bits = addressBits(family);
  const value = ((1n << BigInt(length)) - 1n) << BigInt(bits - length);
  return ipToBytes({ family, value });
}

/** sockaddr_dl of an interface: index, type and name. */
export function linkSockaddr({ index, type, name }: Pick<FakeInterface, "index" | "type" | "name">): Uint8Array {
  const text = new TextEncoder().encode(name);
  const bytes = new Uint8Array(Math.max(sizeOf("sockaddr_dl"), 8 + text.length));
  const view = new StructView("sockaddr_dl", bytes);
  view.set("sdl_len", bytes.length);
  view.set("sdl_family", constant("AF_LINK"));
  view.set("sdl_index", index);
  view.set("sdl_type", type);
  view.set("sdl_nlen", text.length);
  bytes.set(text, 8);
  return bytes;
}

/** Reads one address written by a program: full length, the family's own size, no port, nothing in the padding. */
export function readSockaddr(call: string, bytes: Uint8Array): SocketAddress {
  const [length = 0, family = 0] = bytes;
  if (family === constant("AF_LINK")) {
    if (length !== sizeOf("sockaddr_dl")) throw new UnfaithfulCall(call, `sockaddr_dl of ${length} bytes`);
    return { kind: "link", index: new StructView("sockaddr_dl", bytes).get("sdl_index") };
  }
  const ip = family === constant("AF_INET") ? 4 : family === constant("AF_INET6") ? 6 : undefined;
  if (ip === undefined) throw new UnfaithfulCall(call, `address family ${family}`);
  const [struct, prefix] = ip === 4 ? (["sockaddr_in", "sin"] as const) : (["sockaddr_in6", "sin6"] as const);
  if (length !== sizeOf(struct)) throw new UnfaithfulCall(call, `${struct} of ${length} bytes`);
  const view = new StructView(struct, bytes);
  if (view.get(`${prefix}_port`) !== 0) throw new UnfaithfulCall(call, "a port in an address that has none");
  if (ip === 4 && view.bytes("sin_zero").some((byte) => byte !== 0))
    throw new UnfaithfulCall(call, "sin_zero is not zero");
  const inside = Uint8Array.from(view.bytes(`${prefix}_addr`));
  return { kind: "ip", ...withoutScope(inside, ip === 6 ? view.get("sin6_scope_id") : 0) };
}

/** Length of the mask that a full-length netmask sockaddr holds. */
export function readMask(call: string, bytes: Uint8Array): number {
  const read = readSockaddr(call, bytes);
  if (read.kind !== "ip") throw new UnfaithfulCall(call, "a link address as netmask");
  const { family, value } = read.address;
  const bits = addressBits(family);
  const text = value.toString(2).padStart(bits, "0");
  const length = text.indexOf("0") < 0 ? bits : text.indexOf("0");
  if (text.slice(length).includes("1")) throw new UnfaithfulCall(call, "a netmask with holes");
  return length;
}

export function familyNumber(family: Family): number {
  return constant(family === 4 ? "AF_INET" : "AF_INET6");
}

function withoutScope(bytes: Uint8Array, scopeId: number): { readonly address: IpAddress; readonly scope: number } {
  let scope = scopeId;
  if (bytes.length === 16 && bytes[0] === 0xfe && ((bytes[1] ?? 0) & 0xc0) === 0x80) {
    scope ||= ((bytes[2] ?? 0) << 8) | (bytes[3] ?? 0);
    bytes[2] = 0;
    bytes[3] = 0;
  }
  const address = ipFromBytes(bytes);
  if (address === undefined) throw new Error("an address of 4 or 16 bytes");
  return { address, scope };
}

import { bytesToHex } from "../attribute.codec.ts";

/** Message types of rtnetlink (include/uapi/linux/rtnetlink.h). */
export const RTM = {
  newLink: 16,
  deleteLink: 17,
  getLink: 18,
  newAddress: 20,
  deleteAddress: 21,
  getAddress: 22,
  newRoute: 24,
  deleteRoute: 25,
  getRoute: 26,
  newNeighbour: 28,
  deleteNeighbour: 29,
  getNeighbour: 30,
  newRule: 32,
  deleteRule: 33,
  getRule: 34,
  newDiscipline: 36,
  getDiscipline: 38,
  newFilter: 44,
  getFilter: 46,
  newNetconf: 80,
} as const;

/** Multicast groups of rtnetlink (RTNLGRP_*). */
export const ROUTE_GROUP = {
  link: 1,
  neighbour: 3,
  address4: 5,
  route4: 7,
  rule4: 8,
  address6: 9,
  route6: 11,
  rule6: 19,
  netconf4: 24,
} as const;

/** Address families as rtnetlink writes them. */
export const AF = { unspec: 0, inet: 2, inet6: 10 } as const;

/** AF_INET or AF_INET6. */
export function familyNumber(family: 4 | 6): number {
  return family === 4 ? AF.inet : AF.inet6;
}

/** 4 or 6; undefined for families that awg ignores (bridge, MPLS). */
export function familyOf(number: number): 4 | 6 | undefined {
  if (number === AF.inet) return 4;
  return number === AF.inet6 ? 6 : undefined;
}

/** An attribute that awg does not decode; kept so that another program's entry can be shown completely. */
export interface UnknownAttribute {
  readonly type: number;
  readonly hex: string;
}

/** An attribute that awg does not know, to be compared and shown. */
export function unknownAttribute(type: number, bytes: Uint8Array): UnknownAttribute {
  return { type, hex: bytesToHex(bytes) };
}

/** Tables that the kernel creates. */
export const ROUTE_TABLE = { default: 253, main: 254, local: 255 } as const;

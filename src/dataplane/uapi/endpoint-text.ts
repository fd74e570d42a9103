import { parseIp, renderIp } from "../../model/ip.ts";
import type { WireEndpoint } from "../contract.ts";

/** Parses `192.0.2.1:51820` or `[2001:db8::1]:51820`; a link-local address has `%` and its interface index. */
export function parseEndpoint(text: string): WireEndpoint | undefined {
  const match = /^(?:\[([^\]%]+)(?:%([0-9]{1,9}))?\]|([0-9.]+)):([0-9]{1,5})$/.exec(text);
  const ip = match === null ? undefined : parseIp(match[1] ?? match[3] ?? "");
  const port = Number(match?.[4]);
  if (match === null || ip === undefined || port > 65_535) return undefined;
  if ((ip.family === 6) !== (match[1] !== undefined)) return undefined;
  return { address: bytesOf(ip.value, ip.family === 4 ? 4 : 16), port, scope: Number(match[2] ?? 0) };
}

/** Renders an endpoint in UAPI's form. */
export function renderEndpoint({ address, port, scope }: WireEndpoint): string {
  let value = 0n;
  for (const byte of address) value = value * 256n + BigInt(byte);
  const text = renderIp({ family: address.length === 4 ? 4 : 6, value });
  if (address.length === 4) return `${text}:${port}`;
  return `[${text}${scope === 0 ? "" : `%${scope}`}]:${port}`;
}

function bytesOf(value: bigint, length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => Number((value >> BigInt(8 * (length - 1 - index))) & 0xffn));
}

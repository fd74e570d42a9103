import type { Credentials, Target } from "./dialogue.ts";

/** RFC 1928, sections 3 to 6. */
export const SOCKS = {
  version: 5,
  noAuthentication: 0,
  usernamePassword: 2,
  connect: 1,
  udpAssociate: 3,
  ipv4: 1,
  name: 3,
  ipv6: 4,
} as const;
/** RFC 1929, section 2. */
const LOGIN_VERSION = 1;
const MOST_LOGIN_BYTES = 255;

/** A received message and its length; undefined while it is incomplete. */
export type Received<T> = { readonly value: T; readonly length: number } | undefined;

/** The greeting: the methods that this side offers. */
export function encodeGreeting(credentials: Credentials | undefined): Uint8Array {
  if (credentials === undefined) return Uint8Array.of(SOCKS.version, 1, SOCKS.noAuthentication);
  return Uint8Array.of(SOCKS.version, 2, SOCKS.noAuthentication, SOCKS.usernamePassword);
}

/** Name and password; undefined if one of them is empty or longer than RFC 1929 allows. */
export function encodeLogin({ username, password }: Credentials): Uint8Array | undefined {
  const [name, word] = [username, password].map((text) => new TextEncoder().encode(text));
  if (name === undefined || word === undefined || !isLoginLength(name) || !isLoginLength(word)) return undefined;
  return Uint8Array.of(LOGIN_VERSION, name.length, ...name, word.length, ...word);
}

function isLoginLength({ length }: Uint8Array): boolean {
  return length > 0 && length <= MOST_LOGIN_BYTES;
}

/** A request with its destination. */
export function encodeRequest(command: number, target: Target): Uint8Array {
  return Uint8Array.of(SOCKS.version, command, 0, ...encodeAddress(target));
}

/** Two bytes: version and choice, for methods and logins alike. */
export function decodeChoice(bytes: Uint8Array): Received<{ readonly version: number; readonly choice: number }> {
  const [version, choice] = bytes;
  if (version === undefined || choice === undefined) return undefined;
  return { value: { version, choice }, length: 2 };
}

/** A reply. `bound` is absent if the proxy names a host by name, or its address type is unknown. */
export function decodeReply(
  bytes: Uint8Array,
): Received<{ readonly version: number; readonly code: number; readonly bound?: Target }> {
  const [version, code] = bytes;
  if (version === undefined || code === undefined) return undefined;
  // A proxy may close after an error without the address.
  if (version !== SOCKS.version || code !== 0) return { value: { version, code }, length: bytes.length };
  const address = decodeAddress(bytes, 3);
  if (address === undefined) return undefined;
  const { target, end } = address;
  return { value: { version, code, ...(target === undefined ? {} : { bound: target }) }, length: end };
}

/** A datagram for the proxy (RFC 1928, section 7). */
export function encodeDatagram(target: Target, data: Uint8Array): Uint8Array {
  const address = encodeAddress(target);
  const bytes = new Uint8Array(3 + address.length + data.length);
  bytes.set(address, 3);
  bytes.set(data, 3 + address.length);
  return bytes;
}

/** A datagram of the proxy; undefined for fragments, names and anything else that is not understood. */
export function decodeDatagram(bytes: Uint8Array): { readonly source: Target; readonly data: Uint8Array } | undefined {
  if (bytes[0] !== 0 || bytes[1] !== 0 || bytes[2] !== 0) return undefined;
  const address = decodeAddress(bytes, 3);
  if (address?.target === undefined) return undefined;
  return { source: address.target, data: bytes.subarray(address.end) };
}

function encodeAddress({ address, port }: Target): Uint8Array {
  const kind = address.length === 4 ? SOCKS.ipv4 : SOCKS.ipv6;
  return Uint8Array.of(kind, ...address, port >> 8, port & 0xff);
}

/** Undefined while bytes are missing; without a target for a name, and for an unknown type, which has no known length. */
function decodeAddress(bytes: Uint8Array, at: number): { readonly target?: Target; readonly end: number } | undefined {
  const kind = bytes[at];
  if (kind === undefined) return undefined;
  if (kind !== SOCKS.ipv4 && kind !== SOCKS.ipv6 && kind !== SOCKS.name) return { end: bytes.length };
  const nameLength = bytes[at + 1];
  if (kind === SOCKS.name && nameLength === undefined) return undefined;
  const start = kind === SOCKS.name ? at + 2 : at + 1;
  const length = kind === SOCKS.ipv4 ? 4 : kind === SOCKS.ipv6 ? 16 : (nameLength ?? 0);
  const end = start + length + 2;
  const [high, low] = bytes.subarray(end - 2, end);
  if (high === undefined || low === undefined) return undefined;
  if (kind === SOCKS.name) return { end };
  return { target: { address: bytes.slice(start, start + length), port: (high << 8) | low }, end };
}

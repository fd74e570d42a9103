/** A UDP address. Never changed in place: equal objects mean equal addresses, so a cache may key on identity. */
export interface Endpoint {
  /** 4 or 16 bytes, network byte order; an IPv4-mapped address is given as its 4 bytes. */
  readonly address: Uint8Array;
  readonly port: number;
  /** Interface index of a link-local IPv6 address, else 0. */
  readonly scope: number;
  /** Our own address that the peer last sent to, if the loop knows it; not part of the endpoint. */
  readonly local?: Uint8Array;
}

/** Whether both name the same UDP address. Allocates nothing. */
export function sameEndpoint(a: Endpoint, b: Endpoint): boolean {
  if (a === b) return true;
  return a.port === b.port && a.scope === b.scope && sameAddress(a.address, b.address);
}

/** Whether both are the same address, or both are undefined. Allocates nothing. */
export function sameAddress(a: Uint8Array | undefined, b: Uint8Array | undefined): boolean {
  if (a === undefined || b === undefined || a.length !== b.length) return a === b;
  for (let index = 0; index < a.length; index += 1) {
    if (a[index] !== b[index]) return false;
  }
  return true;
}

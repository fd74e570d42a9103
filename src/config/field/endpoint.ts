import { parseIp, renderIp } from "../../model/ip.ts";
import { checkDomain } from "./domain.ts";
import { type Fault, fault, isFault, leaf, quote, wrongType } from "./leaf.ts";
import { ENDPOINT_PATTERN, OTHER_END_PATTERN } from "./patterns.ts";
import { checkPort } from "./port.ts";

/** The address of a tunnel's peer or a proxy: an IP address in canonical text or a domain name, and a port. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

const FORM = { type: "string", form: "host:port" } as const;

/** `host:port`; an IPv6 address is in brackets. */
export function endpoint() {
  return leaf({ ...FORM, pattern: ENDPOINT_PATTERN }, readEndpoint);
}

/** The same for another host: unspecified, broadcast, multicast and link-local addresses are refused. */
export function otherEnd() {
  return leaf({ ...FORM, pattern: OTHER_END_PATTERN }, (input): Endpoint | Fault => {
    const read = readEndpoint(input);
    return isFault(read) ? read : (refuseEverybody(read.host) ?? read);
  });
}

function readEndpoint(input: unknown): Endpoint | Fault {
  if (typeof input !== "string") return wrongType(input, "host:port");
  if (parseIp(input)?.family === 6) {
    return fault("endpoint-without-port", `${quote(input)} has no port`, `use [${input}]:51820`);
  }
  const match = /^(\[[^\]]*\]|[^:[\]]*):([0-9]{1,5})$/.exec(input);
  if (match === null) return endpointFault(input);
  const host = readHost(match[1] ?? "");
  if (isFault(host)) return host;
  const port = checkPort(Number(match[2]));
  return isFault(port) ? port : { host, port };
}

function readHost(host: string): string | Fault {
  const bare = host.startsWith("[") ? host.slice(1, -1) : host;
  const ip = parseIp(bare);
  if (ip !== undefined) return renderIp(ip);
  if (host.startsWith("["))
    return fault("endpoint-syntax", `${quote(host)} is not an IPv6 address`, "for example [2001:db8::1]:51820");
  if (/(^|\.)[0-9]+$/.test(bare))
    return fault("endpoint-syntax", `${quote(bare)} is not an IPv4 address`, "use four numbers, or a name");
  return checkDomain(bare);
}

/**
 * Addresses without a single host, in canonical text (RFC 1122 section 3.2.1.3, RFC 4291 section 2.4), and link-local
 * ones (RFC 4007): those need a device, which a config cannot name.
 */
const NOBODYS: readonly (readonly [address: RegExp, what: string])[] = [
  [/^(::ffff:)?0\.0\.0\.0$|^::$/, "is the unspecified address"],
  [/^(::ffff:)?255\.255\.255\.255$/, "is the broadcast address"],
  [/^(::ffff:)?(22[4-9]|23[0-9])\.[0-9.]+$|^ff[0-9a-f]{2}:/, "is a multicast address"],
  [/^fe[89ab][0-9a-f]:/, "is a link-local address, which needs a device"],
];

function refuseEverybody(host: string): Fault | undefined {
  const what = NOBODYS.find(([address]) => address.test(host))?.[1];
  if (what === undefined) return undefined;
  return fault("endpoint-address", `${quote(host)} ${what}`, "use the peer's own address or name");
}

function endpointFault(input: string): Fault {
  if (/^\[[^\]]*\]:?$/.test(input) || /^[^:]+:?$/.test(input)) {
    const host = input.replace(/:$/, "");
    const remedy = `use ${/^[A-Za-z0-9.:[\]_-]{1,80}$/.test(host) ? host : "vpn.example.com"}:51820`;
    return fault("endpoint-without-port", `${quote(input)} has no port`, remedy);
  }
  return fault(
    "endpoint-syntax",
    `${quote(input)} is not host:port`,
    "use vpn.example.com:51820 or [2001:db8::1]:51820",
  );
}

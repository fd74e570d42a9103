import { parseIp, renderIp } from "../../ip.ts";
import { checkDomain } from "./domain.ts";
import { type Fault, fault, isFault, leaf, quote, wrongType } from "./leaf.ts";
import { checkPort } from "./port.ts";

/** Where a tunnel or proxy is reached: an IP address in canonical text or a domain name, and a port. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** `host:port`; an IPv6 address stands in brackets. */
export function endpoint() {
  return leaf({ type: "string", pattern: "^.+:[0-9]{1,5}$" }, (input): Endpoint | Fault => {
    if (typeof input !== "string") return wrongType(input, "host:port");
    if (parseIp(input)?.family === 6) {
      return fault("endpoint-without-port", `${quote(input)} has no port`, `write [${input}]:51820`);
    }
    const match = /^(\[[^\]]*\]|[^:[\]]*):([0-9]{1,5})$/.exec(input);
    if (match === null) return endpointFault(input);
    const host = readHost(match[1] ?? "");
    if (isFault(host)) return host;
    const port = checkPort(Number(match[2]));
    return isFault(port) ? port : { host, port };
  });
}

function readHost(host: string): string | Fault {
  const bare = host.startsWith("[") ? host.slice(1, -1) : host;
  const ip = parseIp(bare);
  if (ip !== undefined) return renderIp(ip);
  if (host.startsWith("["))
    return fault("endpoint-syntax", `${quote(host)} is not an IPv6 address`, "write [2001:db8::1]:51820");
  if (/(^|\.)[0-9]+$/.test(bare))
    return fault("endpoint-syntax", `${quote(bare)} is not an IPv4 address`, "write four numbers, or a name");
  return checkDomain(bare);
}

function endpointFault(input: string): Fault {
  if (/^\[[^\]]*\]:?$/.test(input) || /^[^:]+:?$/.test(input)) {
    const host = input.replace(/:$/, "");
    const remedy = `write ${/^[A-Za-z0-9.:[\]_-]{1,80}$/.test(host) ? host : "vpn.example.com"}:51820`;
    return fault("endpoint-without-port", `${quote(input)} has no port`, remedy);
  }
  return fault(
    "endpoint-syntax",
    `${quote(input)} is not host:port`,
    "write vpn.example.com:51820 or [2001:db8::1]:51820",
  );
}

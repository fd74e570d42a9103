import { checkDomain } from "../config/field/domain.ts";
import { isFault } from "../config/field/fault.ts";
import { parseIp, renderIp } from "../ip.ts";

/** How a target is asked. */
export type ProbeType = "ping" | "tcp" | "http" | "dns";

/** One check of the network as the accepted state holds it. */
export interface ProbeSpec {
  readonly name: string;
  readonly type: ProbeType;
  readonly target: ProbeTarget;
  /** The device it leaves by; absent: where the machine's rules send it. */
  readonly device?: string;
  /** Its failure after an apply puts the old state back. */
  readonly required: boolean;
  readonly everySeconds: number;
  readonly timeoutSeconds: number;
}

/** Who is asked: an address in canonical text or a name; a port where the type has one; the whole URL of an http probe. */
export interface ProbeTarget {
  readonly host: string;
  readonly port?: number;
  readonly url?: string;
}

/** What came of one run. */
export interface ProbeResult {
  readonly passed: boolean;
  /** For people: "answered in 12 ms", "no answer in 5 s". */
  readonly detail: string;
  /** The address that was asked, where the target is no address itself and one was found. */
  readonly address?: string;
}

/** What each type takes, for messages. */
export const PROBE_TARGETS: Readonly<Record<ProbeType, string>> = {
  ping: "an address or a name: 192.0.2.1",
  tcp: "host:port: 192.0.2.1:443, [2001:db8::1]:443",
  http: "a URL: https://example.com/",
  dns: "a name: example.com",
};

/** Reads the target of a probe; undefined where it is not what the type takes. Pure. */
export function parseProbeTarget(type: ProbeType, target: string): ProbeTarget | undefined {
  if (type === "ping") return hostOf(target);
  if (type === "tcp") return hostAndPort(target);
  if (type === "http") return webAddress(target);
  const name = checkDomain(target);
  return isFault(name) ? undefined : { host: name };
}

function hostOf(text: string): ProbeTarget | undefined {
  const ip = parseIp(text);
  if (ip !== undefined) return { host: renderIp(ip) };
  const name = checkDomain(text);
  return isFault(name) ? undefined : { host: name };
}

function hostAndPort(text: string): ProbeTarget | undefined {
  const match = /^(?:\[([^\]]+)\]|([^:[\]]+)):([0-9]{1,5})$/.exec(text);
  const host = hostOf(match?.[1] ?? match?.[2] ?? "");
  const port = Number(match?.[3]);
  return host === undefined || port < 1 || port > 65_535 ? undefined : { ...host, port };
}

/** RFC 3986 section 3.2 without userinfo: a secret has no place in a configuration's text. */
function webAddress(text: string): ProbeTarget | undefined {
  const match = /^(https?):\/\/(\[[^\]]+\]|[^/?#:@[\]]+)(?::([0-9]{1,5}))?(?:[/?#][\x21-\x7e]*)?$/.exec(text);
  const [, scheme, authority = "", port] = match ?? [];
  const known = hostAndPort(`${authority}:${port ?? (scheme === "https" ? 443 : 80)}`);
  return known === undefined ? undefined : { ...known, url: text };
}

import { parseIp, renderIp } from "../../model/ip.ts";
import type { ProbeTarget, ProbeType } from "../../model/resources/probe.ts";
import { checkDomain } from "./domain.ts";
import { isFault } from "./fault.ts";

/** The target of each type, for messages. */
export const PROBE_TARGETS: Readonly<Record<ProbeType, string>> = {
  ping: "an address or a name: 192.0.2.1",
  tcp: "host:port: 192.0.2.1:443, [2001:db8::1]:443",
  http: "a URL: https://example.com/",
  dns: "a name: example.com",
};

/** Reads the target of a probe; undefined if it does not fit the type. Pure. */
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

/** RFC 3986 section 3.2 without userinfo: a config must not contain a secret. */
function webAddress(text: string): ProbeTarget | undefined {
  const match = /^(https?):\/\/(\[[^\]]+\]|[^/?#:@[\]]+)(?::([0-9]{1,5}))?(?:[/?#][\x21-\x7e]*)?$/.exec(text);
  const [, scheme, authority = "", port] = match ?? [];
  const known = hostAndPort(`${authority}:${port ?? (scheme === "https" ? 443 : 80)}`);
  return known === undefined ? undefined : { ...known, url: text };
}

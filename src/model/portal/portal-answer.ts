/** What an answer to the probe says about the network. */
export type PortalAnswer =
  | { readonly kind: "free" }
  /** The network wants a login at this address, which is http or https and has no credentials. */
  | { readonly kind: "portal"; readonly url: string };

/** Bytes of an answer that are read: a portal's page may be of any size. */
export const MOST_ANSWER_BYTES = 16_384;

const LONGEST_URL = 1_000;
const NO_CONTENT = 204;

/**
 * Reads the beginning of an HTTP/1 answer to the probe. A web server that is reached answers 204 or redirects to itself;
 * whatever else answers is the network's login page, which names its address by a redirect (RFC 9110 section 15.4), by
 * `<meta http-equiv="refresh">`, or stands in the place of the probed page. Never throws; undefined for what is no HTTP.
 *
 * @param probe the probed address
 */
export function readPortalAnswer(bytes: Uint8Array, probe: string): PortalAnswer | undefined {
  const text = new TextDecoder("latin1").decode(bytes.subarray(0, MOST_ANSWER_BYTES));
  const status = Number(/^HTTP\/1\.[01] ([1-5][0-9]{2})[ \r\n]/.exec(text)?.[1]);
  if (Number.isNaN(status)) return undefined;
  if (status === NO_CONTENT) return { kind: "free" };
  const end = text.search(/\r?\n\r?\n/);
  const head = end < 0 ? text : text.slice(0, end);
  const named = status >= 300 && status < 400 ? headerOf(head, "location") : refreshIn(text.slice(head.length));
  const base = `http://${probe.includes(":") ? `[${probe}]` : probe}/`;
  const url = urlOf(named ?? base, base);
  if (url === undefined) return undefined;
  const isItself = url.hostname === new URL(base).hostname;
  if (isItself && status >= 300 && status < 400) return { kind: "free" };
  return { kind: "portal", url: url.href };
}

/** Host of a URL without the brackets of an IPv6 address, and the ports that a login page may need. */
export function placeOf(url: string): { readonly host: string; readonly ports: readonly number[] } {
  const { hostname, port } = new URL(url);
  const ports = [80, 443, ...(port === "" ? [] : [Number(port)])];
  return { host: hostname.replace(/^\[|\]$/g, ""), ports: [...new Set(ports)] };
}

function headerOf(head: string, name: string): string | undefined {
  const line = head.split(/\r?\n/).find((one) => one.toLowerCase().startsWith(`${name}:`));
  return line?.slice(name.length + 1).trim();
}

function refreshIn(page: string): string | undefined {
  const tag = /<meta\s[^>]{0,200}http-equiv\s*=\s*["']?refresh[^>]{0,1000}>/i.exec(page)?.[0];
  return tag === undefined ? undefined : /url\s*=\s*["']?([^"'>\s]{1,1000})/i.exec(tag)?.[1];
}

/** An absolute http or https URL without credentials and fragment; undefined for anything else. */
function urlOf(named: string, base: string): URL | undefined {
  if (named.length > LONGEST_URL || !URL.canParse(named, base)) return undefined;
  const url = new URL(named, base);
  if (url.protocol !== "http:" && url.protocol !== "https:") return undefined;
  url.username = "";
  url.password = "";
  url.hash = "";
  return url.href.length > LONGEST_URL ? undefined : url;
}

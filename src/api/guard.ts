/**
 * The guard of the API on loopback TCP: pages of other sites, other programs of this host and rebound names reach it,
 * too. It runs before every route. Pure.
 */

/** A request as far as the guard reads it. */
export interface GuardedRequest {
  readonly method: string;
  /** As sent: a path, with a query or without. */
  readonly target: string;
  /** Name and value in turn, as sent; names may repeat. */
  readonly rawHeaders: readonly string[];
}

export interface GuardRules {
  /** The port that the server listens on. */
  readonly port: number;
  /** Whether this bearer token is one of ours, in constant time. */
  readonly isToken: (token: string) => boolean;
}

/** Why a request is refused, for people; the message names what would be right. */
export interface Refusal {
  readonly status: 400 | 401 | 403 | 405 | 415 | 421;
  readonly message: string;
}

const METHODS = ["GET", "HEAD", "POST"];
/** The one request without a token under /api/: it gets one for a code. */
export const SESSION_PATH = "/api/session";

/** Why this request is refused; undefined if it may pass. */
export function guard(request: GuardedRequest, rules: GuardRules): Refusal | undefined {
  const { method, target } = request;
  const values = (name: string) => headerValues(request.rawHeaders, name);
  const [host, ...otherHosts] = values("host");
  const hosts = [`127.0.0.1:${rules.port}`, `localhost:${rules.port}`, `[::1]:${rules.port}`];
  if (host === undefined || otherHosts.length > 0 || !hosts.includes(host)) {
    return { status: 421, message: `the request is for another host; use http://${hosts[0]}` };
  }
  if (!target.startsWith("/") || target.startsWith("//")) {
    return { status: 421, message: "the request is for another host; send a path" };
  }
  const own = `http://${host}`;
  if (values("origin").some((origin) => origin !== own)) {
    return { status: 403, message: "another site sent the request; only awg's own page may" };
  }
  if (values("sec-fetch-site").some((site) => site !== "same-origin" && site !== "none")) {
    return { status: 403, message: "another site sent the request; only awg's own page may" };
  }
  if (values("referer").some((from) => from !== own && !from.startsWith(`${own}/`))) {
    return { status: 403, message: "another site sent the request; only awg's own page may" };
  }
  if (values("upgrade").length > 0) return { status: 400, message: "awg speaks no other protocol here" };
  if (!METHODS.includes(method)) return { status: 405, message: `use ${METHODS.join(", ")}` };
  if (method === "POST" && !isJson(values("content-type"))) {
    return { status: 415, message: "send application/json" };
  }
  return isOpen(request) || hasToken(values("authorization"), rules)
    ? undefined
    : { status: 401, message: "the token is missing or wrong; run awg ui again" };
}

/** The page itself has no secret, and the request for a token has none yet. */
function isOpen({ method, target }: GuardedRequest): boolean {
  const [path = ""] = target.split("?");
  if (path === SESSION_PATH) return method === "POST";
  return method !== "POST" && !path.startsWith("/api") && path !== "/metrics";
}

function hasToken(values: readonly string[], { isToken }: GuardRules): boolean {
  const [value = "", ...others] = values;
  const token = /^Bearer ([A-Za-z0-9_-]{20,100})$/.exec(value)?.[1];
  return others.length === 0 && token !== undefined && isToken(token);
}

function isJson(values: readonly string[]): boolean {
  return values.length === 1 && values[0] === "application/json";
}

function headerValues(rawHeaders: readonly string[], wanted: string): readonly string[] {
  return rawHeaders.filter((_, index) => index % 2 === 1 && rawHeaders[index - 1]?.toLowerCase() === wanted);
}

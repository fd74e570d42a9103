import { ipFromBytes, renderIp } from "../../model/ip.ts";
import { type Credentials, type Dialogue, joinBytes, type Step, type Target } from "./dialogue.ts";

/** Headers beyond this are no answer to CONNECT. */
const MOST_HEAD_BYTES = 16 * 1024;
const END = new TextEncoder().encode("\r\n\r\n");
const PROXY_AUTHENTICATION_REQUIRED = 407;

/**
 * A client of an HTTP proxy up to the answer to its CONNECT (RFC 9110, section 9.3.6), with Basic authentication (RFC
 * 7617). Bytes after the empty line belong to the connection.
 */
export function httpDialogue(target: Target, credentials?: Credentials): Dialogue {
  let pending: Uint8Array = new Uint8Array();
  return {
    hello: new TextEncoder().encode(connectRequest(target, credentials)),
    receive(bytes) {
      const searched = Math.max(0, pending.length - END.length);
      pending = joinBytes(pending, bytes);
      if (!startsLikeHttp(pending)) return failed("the server does not speak HTTP");
      const end = endOfHead(pending, searched);
      if (end === undefined && pending.length <= MOST_HEAD_BYTES) return { kind: "wait" };
      if (end === undefined || end > MOST_HEAD_BYTES) return failed("the proxy's answer has no end");
      return judgeHead(new TextDecoder("latin1").decode(pending.subarray(0, end)), pending.slice(end));
    },
  };
}

function connectRequest({ address, port }: Target, credentials: Credentials | undefined): string {
  const ip = ipFromBytes(address);
  const host = ip === undefined ? "" : ip.family === 4 ? renderIp(ip) : `[${renderIp(ip)}]`;
  const authority = `${host}:${port}`;
  const login = credentials === undefined ? [] : [`Proxy-Authorization: Basic ${basicCredentials(credentials)}`];
  return [`CONNECT ${authority} HTTP/1.1`, `Host: ${authority}`, ...login, "", ""].join("\r\n");
}

/** In UTF-8, as RFC 7617 section 2.1 allows. */
function basicCredentials({ username, password }: Credentials): string {
  return btoa(String.fromCharCode(...new TextEncoder().encode(`${username}:${password}`)));
}

function startsLikeHttp(bytes: Uint8Array): boolean {
  return [..."HTTP/1."].every((letter, index) => bytes[index] === undefined || bytes[index] === letter.charCodeAt(0));
}

function endOfHead(bytes: Uint8Array, from: number): number | undefined {
  for (let at = from; at + END.length <= bytes.length; at += 1) {
    if (END.every((byte, index) => bytes[at + index] === byte)) return at + END.length;
  }
  return undefined;
}

function judgeHead(head: string, rest: Uint8Array): Step {
  const status = Number(/^HTTP\/1\.[01] ([1-5][0-9]{2})(?: |\r)/.exec(head)?.[1] ?? Number.NaN);
  if (Number.isNaN(status)) return failed("the server does not speak HTTP");
  if (status >= 200 && status < 300) return { kind: "done", rest };
  if (status === PROXY_AUTHENTICATION_REQUIRED) {
    return { kind: "failed", reason: "the proxy wants another name and password (status 407)", refused: "credentials" };
  }
  return { kind: "failed", reason: `the proxy refused: status ${status}`, refused: "destination" };
}

function failed(reason: string): Step {
  return { kind: "failed", reason };
}

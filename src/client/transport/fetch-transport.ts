import { AnswerText, type StreamRequest, type Transport, type TransportRequest } from "./transport.ts";

const LOOPBACK = ["127.0.0.1", "localhost", "[::1]"];

/**
 * Reaches awg by fetch, in a browser or in Node.
 *
 * @throws TypeError for an address that would carry the token over a network in the clear
 */
export function fetchTransport(address: string, token?: string): Transport {
  const base = readAddress(address);
  const credentials = token === undefined ? {} : { Authorization: `Bearer ${token}` };
  const send = (path: string, init: RequestInit): Promise<Response> =>
    fetch(new URL(path, base), { cache: "no-store", credentials: "omit", redirect: "error", ...init });
  return {
    request: async ({ method, path, body, signal }: TransportRequest) => {
      const isJson = body !== undefined;
      const response = await send(path, {
        method,
        headers: { ...credentials, ...(isJson ? { "Content-Type": "application/json" } : {}) },
        ...(isJson ? { body: JSON.stringify(body) } : {}),
        ...(signal === undefined ? {} : { signal }),
      });
      const answer = new AnswerText();
      await readAll(response, (bytes) => answer.push(bytes));
      return { status: response.status, text: answer.text };
    },
    stream: async ({ path, headers, signal, onHead, onBytes }: StreamRequest) => {
      const response = await send(path, { headers: { ...headers, ...credentials }, signal });
      onHead({ status: response.status, type: response.headers.get("content-type") ?? "" });
      await readAll(response, onBytes);
    },
  };
}

function readAddress(address: string): URL {
  const url = URL.canParse(address) ? new URL(address) : undefined;
  const isSafe = url?.protocol === "https:" || (url?.protocol === "http:" && LOOPBACK.includes(url.hostname));
  if (url === undefined || !isSafe || url.username !== "" || url.password !== "") {
    throw new TypeError("url: awg answers by http on 127.0.0.1, localhost or [::1], or by https");
  }
  return url;
}

async function readAll({ body }: Response, onBytes: (bytes: Uint8Array) => void): Promise<void> {
  if (body === null) return;
  const reader = body.getReader();
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) onBytes(part.value);
  } finally {
    // Ends the request where a part was refused.
    await reader.cancel().catch(() => undefined);
  }
}

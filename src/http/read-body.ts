import type { IncomingMessage } from "node:http";
import { AwgError } from "../model/error.ts";

const MAX_BYTES = 64 * 1024;

/**
 * Reads a request's body as JSON.
 *
 * @throws AwgError usage for more than 64 KB, or for no JSON
 */
export async function readJsonBody(request: IncomingMessage): Promise<unknown> {
  const parts: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > MAX_BYTES) throw new AwgError("usage", "the body is longer than 64 KB");
    parts.push(chunk);
  }
  try {
    return JSON.parse(Buffer.concat(parts).toString("utf8"));
  } catch {
    throw new AwgError("usage", "the body is not JSON");
  }
}

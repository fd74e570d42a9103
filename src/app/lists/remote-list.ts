import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { listFault, MAX_LIST_BYTES } from "../../lists/list-content.ts";
import { messageOf } from "../../model/error.ts";
import { textOf } from "../load/utf8-text.ts";
import { fetchedLists } from "./kept-lists.ts";

/** A list by its address, and the SHA-256 of its content in hex. */
export interface RemoteList {
  readonly list: string;
  readonly sha256: string;
}

const TIMEOUT_MS = 20_000;

/**
 * The text of a pinned list: the kept copy if it is the pinned one, else fetched. If that fails, the last good copy is used,
 * which the note says.
 *
 * @throws AwgError config if there is no copy at all
 */
export async function readRemoteList(
  remote: RemoteList,
  stateDir: string,
): Promise<{ readonly text: string; readonly note?: string }> {
  const path = join(stateDir, "lists", hashOf(remote.list));
  const kept = fetchedLists.get(path) ?? readKept(path);
  if (kept !== undefined && hashOf(kept) === remote.sha256) return { text: textOf(kept) };
  try {
    const bytes = await fetchBounded(remote.list);
    const found = hashOf(bytes);
    if (found !== remote.sha256) throw new Error(`its SHA-256 is ${found}, not the pinned one`);
    fetchedLists.set(path, bytes);
    return { text: textOf(bytes) };
  } catch (error) {
    const why = causeOf(error);
    if (kept === undefined)
      throw listFault(remote.list, `the list cannot be fetched: ${why}`, "check address and hash");
    return { text: textOf(kept), note: `the list is the last good copy: ${why}` };
  }
}

function readKept(path: string): Buffer | undefined {
  try {
    return readFileSync(path);
  } catch {
    return undefined;
  }
}

async function fetchBounded(url: string): Promise<Buffer> {
  const response = await fetch(url, { signal: AbortSignal.timeout(TIMEOUT_MS), redirect: "error" });
  if (!response.ok) throw new Error(`the server answers ${response.status}`);
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of response.body ?? []) {
    length += chunk.length;
    if (length > MAX_LIST_BYTES) throw new Error(`it is larger than ${MAX_LIST_BYTES} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function causeOf(error: unknown): string {
  const { cause } = (error ?? {}) as { readonly cause?: unknown };
  return cause === undefined ? messageOf(error) : `${messageOf(error)} (${messageOf(cause)})`;
}

function hashOf(content: string | Uint8Array): string {
  return createHash("sha256").update(content).digest("hex");
}

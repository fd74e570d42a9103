import type { AwgEvent } from "../../src/client/awg-client.ts";
import { pageOf } from "./page-names.ts";

const KEY = "awg-token";

/**
 * The token of this tab. A code behind # in the address is traded for one first, and leaves the address. Undefined if
 * there is no code, and no token of an earlier load.
 */
export async function openSession(): Promise<string | undefined> {
  const code = location.hash.slice(1);
  if (code === "" || pageOf(location.hash) !== undefined) return sessionStorage.getItem(KEY) ?? undefined;
  history.replaceState(null, "", location.pathname);
  const answer = await fetch("/api/session", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ code }),
  });
  if (!answer.ok) return sessionStorage.getItem(KEY) ?? undefined;
  const { token } = (await answer.json()) as { readonly token: string };
  sessionStorage.setItem(KEY, token);
  return token;
}

/** What this user may do. */
export interface Rights {
  /** What the host's kernel says, not the page. */
  readonly role: "admin" | "viewer";
  /** Why nothing can be changed, where the role is not the reason. */
  readonly noActions?: string;
}

/** What this user may do; undefined while no daemon answers. */
export function readRights(token: string): Promise<Rights | undefined> {
  return get<Rights>("/api/status", token);
}

/** The events that the daemon still has, the newest first; none while no daemon answers. */
export async function readLog(token: string): Promise<readonly AwgEvent[]> {
  const log = await get<{ readonly lines: readonly { readonly event: AwgEvent }[] }>("/api/log", token);
  return (log?.lines ?? []).map(({ event }) => event).toReversed();
}

async function get<Answer>(path: string, token: string): Promise<Answer | undefined> {
  const answer = await fetch(path, { headers: { Authorization: `Bearer ${token}` } }).catch(() => undefined);
  return answer?.ok === true ? ((await answer.json()) as Answer) : undefined;
}

/** Whether the door does not know this token any more; it is then forgotten. Needs no daemon. */
export async function isRefused(token: string): Promise<boolean> {
  const request = { method: "HEAD", headers: { Authorization: `Bearer ${token}` } };
  const answer = await fetch("/api/openapi.json", request).catch(() => undefined);
  if (answer?.status !== 401) return false;
  sessionStorage.removeItem(KEY);
  return true;
}

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

/** The role of this user: what the host's kernel says, not the page. Undefined while no daemon answers. */
export async function readRole(token: string): Promise<"admin" | "viewer" | undefined> {
  const answer = await fetch("/api/status", { headers: { Authorization: `Bearer ${token}` } }).catch(() => undefined);
  if (answer?.ok !== true) return undefined;
  return ((await answer.json()) as { readonly role: "admin" | "viewer" }).role;
}

/** Whether the door does not know this token any more; it is then forgotten. Needs no daemon. */
export async function isRefused(token: string): Promise<boolean> {
  const request = { method: "HEAD", headers: { Authorization: `Bearer ${token}` } };
  const answer = await fetch("/api/openapi.json", request).catch(() => undefined);
  if (answer?.status !== 401) return false;
  sessionStorage.removeItem(KEY);
  return true;
}

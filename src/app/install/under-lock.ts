import type { HostParts } from "../parts.ts";

/** Changes the host outside its resources, with root rights and under the lock. */
export async function underLock<T>(parts: HostParts, verb: string, act: () => Promise<T>): Promise<T> {
  parts.requireRights?.();
  await using _lock = await parts.lock(verb);
  const result = await act();
  await parts.close();
  return result;
}

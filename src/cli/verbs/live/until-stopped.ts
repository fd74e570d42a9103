/** Aborts when the person ends the program (SIGINT, SIGTERM), or when a time is over. */
export function untilStopped(timeoutMs?: number): AbortSignal {
  const stop = new AbortController();
  for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => stop.abort(name));
  if (timeoutMs !== undefined) setTimeout(() => stop.abort("timeout"), timeoutMs).unref();
  return stop.signal;
}

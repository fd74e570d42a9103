import { signal } from "@preact/signals";
import type { ProgramLine } from "./documents.ts";
import { run } from "./store.ts";

/** The running programs when they were last read; undefined before. */
export const programs = signal<readonly ProgramLine[] | undefined>(undefined);
export const programsFailure = signal<string | undefined>(undefined);
/** Whether this user may not read them: a viewer whom the API does not answer. */
export const programsRefused = signal(false);
/** HTTP status of a request that the role does not allow. */
export const FORBIDDEN = 403;
let reading: Promise<void> | undefined;

/** Reads the running programs; a reading that is under way is shared. */
export function readPrograms(): Promise<void> {
  reading ??= read().finally(() => {
    reading = undefined;
  });
  return reading;
}

async function read(): Promise<void> {
  const { code, message, data } = await run("ps");
  programsRefused.value = code === FORBIDDEN;
  if (code === FORBIDDEN) programsFailure.value = undefined;
  else if (code !== 0) programsFailure.value = message ?? `awg ps ended with ${code}`;
  else {
    programsFailure.value = undefined;
    programs.value = (data as { readonly programs: readonly ProgramLine[] }).programs;
  }
}

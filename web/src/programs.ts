import { computed, signal } from "@preact/signals";
import type { ProgramLine } from "./documents.ts";
import { role, run } from "./store.ts";

/** The running programs when they were last read; undefined before. */
export const programs = signal<readonly ProgramLine[] | undefined>(undefined);
export const programsFailure = signal<string | undefined>(undefined);
/** Whether this user may not read them, nor ask for the path of a flow. */
export const refused = computed(() => role.value === "viewer");
let reading: Promise<void> | undefined;

/** Reads the running programs where this user may; a reading that is under way is shared. */
export async function readPrograms(): Promise<void> {
  if (role.value !== "admin") return;
  reading ??= read().finally(() => {
    reading = undefined;
  });
  await reading;
}

async function read(): Promise<void> {
  const { code, message, data } = await run("ps");
  if (code !== 0) programsFailure.value = message ?? `awg ps ended with ${code}`;
  else {
    programsFailure.value = undefined;
    programs.value = (data as { readonly programs: readonly ProgramLine[] }).programs;
  }
}

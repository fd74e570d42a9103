/** Reports a wait that a person should know of. */
export type OnWait = (text: string) => void;

/** A wait that is shorter needs no explanation. */
const UNNOTICED_MS = 1000;

/** The result of `work`; if it takes longer than a second, `onWait` gets the text once. */
export async function announced<T>(onWait: OnWait | undefined, text: string, work: Promise<T>): Promise<T> {
  const timer = setTimeout(() => onWait?.(text), UNNOTICED_MS);
  try {
    return await work;
  } finally {
    clearTimeout(timer);
  }
}

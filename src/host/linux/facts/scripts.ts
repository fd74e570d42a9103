import { closeSync, constants, openSync, readSync } from "node:fs";
import type { HostFacts } from "../../ports/facts.ts";

/** What a script begins with (execve(2)). */
const BEGIN = "#!";

/** Which of these files are scripts; a file that cannot be read counts as a program. */
export function readScripts(files: readonly string[]): Pick<HostFacts, "scripts"> {
  const scripts = files.filter((file) => beginsWith(file, BEGIN));
  return scripts.length === 0 ? {} : { scripts };
}

function beginsWith(file: string, wanted: string): boolean {
  const bytes = Buffer.alloc(wanted.length);
  try {
    // A FIFO does not wait for a writer.
    const descriptor = openSync(file, constants.O_RDONLY | constants.O_NONBLOCK);
    try {
      readSync(descriptor, bytes);
    } finally {
      closeSync(descriptor);
    }
  } catch {
    return false;
  }
  return bytes.toString("latin1") === wanted;
}

import { lstatSync } from "node:fs";
import { dirname } from "node:path";
import { AwgError } from "../model/error.ts";

/**
 * Checks a keeper's folder, and the run folder above it, before something is written in it: files behind a link may be
 * those of another program. Missing folders pass.
 *
 * @throws AwgError permission naming the link
 */
export function refuseLinkedFolder(folder: string): void {
  for (const path of [dirname(folder), folder]) {
    if (lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink() !== true) continue;
    throw new AwgError("permission", `${path} is a link; the keeper writes nothing behind it`, {
      facts: { path },
      remedy: "remove the link",
    });
  }
}

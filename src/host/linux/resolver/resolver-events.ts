import type { NetworkEvents } from "../../ports/network-events.ts";
import { watchFile } from "./file-watch.ts";
import { readRegularFile } from "./regular-file.ts";
import { lastWrittenText } from "./written-text.ts";

/** The file programs read, and the one by which systemd-resolved shows what it was told. */
const FILES = ["/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"];

/** Changes of the system resolver by others; who it was no kernel tells. */
export const linuxResolverEvents: NetworkEvents = {
  watch(onEvent) {
    const watches = FILES.map((path) =>
      watchFile(path, () => {
        if (!isOurs(path)) onEvent({ what: path, renumbered: false });
      }),
    );
    return {
      async [Symbol.asyncDispose]() {
        for (const one of watches) one[Symbol.dispose]();
      },
    };
  },
};

/** What awg itself wrote last is no change by others, whoever wrote it. */
function isOurs(path: string): boolean {
  try {
    const content = readRegularFile(path);
    return content !== undefined && content.toString("utf8") === lastWrittenText();
  } catch {
    return false;
  }
}

import type { NetworkEvents } from "../../ports/network-events.ts";
import { watchFile } from "./file-watch.ts";
import { readRegularFile } from "./regular-file.ts";
import { lastWrittenText } from "./written-text.ts";

/** The file that programs read, and the one in which systemd-resolved shows its settings. */
const FILES = ["/etc/resolv.conf", "/run/systemd/resolve/resolv.conf"];

/** Changes of the system resolver by other programs; the kernel does not say by which. */
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

/** Whether the file has the text that this process wrote last. */
function isOurs(path: string): boolean {
  try {
    const content = readRegularFile(path);
    return content !== undefined && content.toString("utf8") === lastWrittenText();
  } catch {
    return false;
  }
}

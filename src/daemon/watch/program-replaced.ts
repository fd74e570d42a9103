import { statSync } from "node:fs";

/** Reports once that this process's executable was replaced, at the first look after it. */
export function watchProgramReplaced(path = process.argv[1] ?? ""): () => string | undefined {
  const started = identityOf(path);
  let isReported = false;
  return () => {
    const now = identityOf(path);
    if (isReported || now === undefined || now === started) return undefined;
    isReported = true;
    return "another awg was installed in the place of this one, which goes on; restart the daemon to have it run (systemctl restart awg.service)";
  };
}

function identityOf(path: string): string | undefined {
  const stats = statSync(path, { throwIfNoEntry: false });
  return stats === undefined ? undefined : `${stats.dev} ${stats.ino} ${stats.mtimeMs}`;
}

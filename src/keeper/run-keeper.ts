import { AwgError } from "../model/error.ts";
import { keeperPaths } from "../model/keeper-protocol.ts";
import { forbidDumps } from "../native/linux/process/credentials.ffi.ts";
import { Keeper } from "./keeper.ts";
import { joinOwnCgroup } from "./own-cgroup.ts";
import { namespaceInodeOf } from "./process-identity.ts";
import { KeeperFolder } from "./serving/keeper-folder.ts";
import { endOnSignals, reportToLog, serveUntilDone } from "./serving/keeper-life.ts";

/** One for the keepers of all network namespaces, so that one which is killed leaves no folder behind that nobody uses. */
const CGROUP = "awg-keeper";

/**
 * The keeper's life: one per network namespace and run folder, until it is told to stop or has held nothing for 5 s.
 * A second one ends at once. As a service it stays though it holds nothing, waits for another one to end, and keeps the
 * cgroup that its supervisor put it in. Its end by signal changes nothing on the machine: devices persist, engines and tables
 * stay, and the next keeper takes them over.
 *
 * @param runDir the run folder, 0700 and root's
 */
export async function runKeeper(runDir: string, { isService = false } = {}): Promise<void> {
  const inode = namespaceInodeOf("self");
  if (inode === undefined)
    throw new AwgError("host", "the keeper cannot tell its network namespace: is /proc mounted?");
  process.umask(0o077);
  process.chdir("/");
  forbidDumps();
  const paths = keeperPaths(runDir, inode);
  const folder = new KeeperFolder(paths);
  if (!(await folder.begin({ isService }))) return;
  using _cgroup = isService ? undefined : joinOwnCgroup(CGROUP);
  const keeper = new Keeper({ folder: paths.folder, report: reportToLog });
  const ended = endOnSignals();
  await keeper.adopt();
  await serveUntilDone(keeper, folder, { isService, ended });
  keeper.release();
}

import { AwgError } from "../model/error.ts";
import { keeperPaths } from "../model/keeper-protocol.ts";
import { forbidDumps } from "../native/linux/process/credentials.ffi.ts";
import { Keeper } from "./keeper.ts";
import { joinOwnCgroup } from "./own-cgroup.ts";
import { namespaceInodeOf } from "./process-identity.ts";
import { KeeperFolder } from "./serving/keeper-folder.ts";
import { endOnSignals, reportToLog, serveUntilDone } from "./serving/keeper-life.ts";

/** One for the keepers of all network namespaces, so that a killed keeper leaves no unused folder. */
const CGROUP = "awg-keeper";

/**
 * Runs the keeper, one per network namespace and run folder, until it is stopped or has held nothing for 5 s. A second
 * one exits at once. As a service it stays without holding anything, waits for another keeper to end, and stays in its
 * supervisor's cgroup. Ending it by a signal changes nothing on the host: devices persist, engines and tables stay, and
 * the next keeper adopts them.
 *
 * @param runDir the run folder, mode 0700, owned by root
 */
export async function runKeeper(runDir: string, { isService = false } = {}): Promise<void> {
  const inode = namespaceInodeOf("self");
  if (inode === undefined)
    throw new AwgError("host", "the keeper cannot read its network namespace; is /proc mounted?");
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

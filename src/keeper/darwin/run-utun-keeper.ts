import { keeperPaths } from "../../model/keeper-protocol.ts";
import type { LibSystem } from "../../native/darwin/libsystem.ts";
import { readPeerUid } from "../../native/darwin/peer-credentials.ts";
import { KeeperFolder } from "../serving/keeper-folder.ts";
import { type KeeperLife, reportToLog, serveUntilDone } from "../serving/keeper-life.ts";
import type { LaunchEngine } from "./engine-launch.ts";
import { UtunKeeper } from "./utun-keeper.ts";

/** macOS has no network namespaces: one keeper for each run folder, where Linux has the namespace's inode. */
const ONLY_NAMESPACE = 0;

/** How a keeper on a Mac is run; as a LaunchDaemon it is a service. */
export interface UtunKeeperRun extends Partial<KeeperLife> {
  readonly system: LibSystem;
  /** The run folder, 0700 and root's. */
  readonly runDir: string;
  /** Where the names of tunnels' interfaces are written. */
  readonly nameFolder: string;
  readonly report?: (line: string) => void;
  /** How engines are started, and the folder that stands for /; the installed programs and / unless given. */
  readonly launch?: LaunchEngine;
  readonly root?: string;
}

/** The keeper's life on a Mac: until it is told to stop, or has held nothing for 5 s. A second one ends at once. */
export async function runUtunKeeper(run: UtunKeeperRun): Promise<void> {
  const { system, runDir, nameFolder, isService = false, peerUid = (fd) => readPeerUid(system, fd) } = run;
  const paths = keeperPaths(runDir, ONLY_NAMESPACE);
  const folder = new KeeperFolder(paths);
  if (!(await folder.begin({ isService }))) return;
  const keeper = new UtunKeeper({
    system,
    folder: paths.folder,
    nameFolder,
    report: run.report ?? reportToLog,
    ...(run.launch === undefined ? {} : { launch: run.launch }),
    ...(run.root === undefined ? {} : { root: run.root }),
  });
  keeper.adopt();
  await serveUntilDone(keeper, folder, { ...run, isService, peerUid });
  await keeper.release();
}

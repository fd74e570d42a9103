import { keeperPaths } from "../../model/keeper-protocol.ts";
import type { LibSystem } from "../../native/darwin/libsystem.ts";
import { readPeerUid } from "../../native/darwin/peer-credentials.ts";
import { KeeperFolder } from "../serving/keeper-folder.ts";
import { type KeeperLife, reportToLog, serveUntilDone } from "../serving/keeper-life.ts";
import type { LaunchEngine } from "./engine-launch.ts";
import { UtunKeeper } from "./utun-keeper.ts";

/** macOS has no network namespaces: one keeper per run folder, with 0 in place of the namespace's inode. */
const ONLY_NAMESPACE = 0;

/** How a keeper runs on a Mac; as a LaunchDaemon it is a service. */
export interface UtunKeeperRun extends Partial<KeeperLife> {
  readonly system: LibSystem;
  /** The run folder, mode 0700, owned by root. */
  readonly runDir: string;
  /** The folder for the names of tunnels' interfaces. */
  readonly nameFolder: string;
  readonly report?: (line: string) => void;
  /** How to start engines, and the folder used instead of /; by default the installed programs and /. */
  readonly launch?: LaunchEngine;
  readonly root?: string;
}

/** Runs the keeper on a Mac until it is stopped, or has held nothing for 5 s. A second one exits at once. */
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

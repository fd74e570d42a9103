/** The place of a keeper: a folder for each network namespace, named by the namespace's inode. */
export interface KeeperPaths {
  readonly folder: string;
  readonly socket: string;
  readonly lock: string;
  readonly log: string;
}

/** The keeper's files below a run folder. */
export function keeperPaths(runDir: string, namespaceInode: number | bigint): KeeperPaths {
  const folder = `${runDir}/keeper-${namespaceInode}`;
  return { folder, socket: `${folder}/socket`, lock: `${folder}/lock`, log: `${folder}/log` };
}

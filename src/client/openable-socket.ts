import { accessSync, constants } from "node:fs";

/** The first of these unix sockets to which this user may connect (unix(7): that needs write permission), else the first. */
export function openableSocket(paths: readonly [string, ...string[]]): string {
  return paths.find(mayConnect) ?? paths[0];
}

function mayConnect(path: string): boolean {
  try {
    accessSync(path, constants.W_OK);
    return true;
  } catch {
    return false;
  }
}

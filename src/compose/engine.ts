import { runEngine } from "../dataplane/run-engine.ts";
import { ENGINE_USER } from "../keeper/engine-program.ts";
import { AwgError } from "../model/error.ts";
import { forbidDumps } from "../native/linux/process/credentials.ffi.ts";

/**
 * Runs the embedded engine of a device in this process, with the descriptors and the identity that the keeper hands down
 * in the environment, as wireguard-go takes them.
 *
 * @returns the reason it ended
 * @throws AwgError("usage") when this process was not started by a keeper
 */
export function runEngineHere(device: string, environment: NodeJS.ProcessEnv): Promise<string> {
  const [tunFd, uapiFd] = [environment["WG_TUN_FD"], environment["WG_UAPI_FD"]].map(Number);
  const [uid, gid] = (environment[ENGINE_USER] ?? "").split(":").map(Number);
  if (!Number.isInteger(tunFd) || !Number.isInteger(uapiFd) || uid === undefined || gid === undefined) {
    throw new AwgError("usage", "awg engine is started by the keeper only, which hands it its descriptors");
  }
  forbidDumps();
  return runEngine({
    device,
    tunFd: tunFd as number,
    uapiFd: uapiFd as number,
    ...(uid === 0 ? {} : { user: { uid, gid } }),
    program: process.argv[1] ?? "awg",
    report: (line) => process.stderr.write(`${line}\n`),
  });
}

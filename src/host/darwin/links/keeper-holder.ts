import { spawn } from "node:child_process";
import { chmodSync, closeSync, mkdirSync, openSync, readFileSync } from "node:fs";
import { connect } from "node:net";
import { setTimeout as sleep } from "node:timers/promises";
import { AwgError } from "../../../model/error.ts";
import {
  type KeeperPaths,
  type KeeperRequest,
  type KeeperStatus,
  MAX_REQUEST_BYTES,
  parseKeeperAnswer,
  renderKeeperRequest,
} from "../../../model/keeper-protocol.ts";
import { LINK_ALIAS_PREFIX } from "../../../model/ownership.ts";
import { tunnelOfDevice } from "../../../model/resources/tunnel-key.ts";
import type { UtunHolder } from "./utun-holder.ts";

const ANSWER_TIMEOUT_MS = 60_000;
const LAUNCH_TIMEOUT_MS = 30_000;
const LAUNCH_LOOK_MS = 20;
const ABSENT: ReadonlySet<string | undefined> = new Set(["ENOENT", "ECONNREFUSED", "ECONNRESET", "EPIPE", "EACCES"]);

/** How to reach and start the keeper of a Mac. */
export interface KeeperHolderDeps {
  readonly paths: KeeperPaths;
  /** The folder in which the keeper writes the names of tunnels' interfaces. */
  readonly nameFolder: string;
  /** Absolute path and arguments that run the keeper. */
  readonly command: readonly string[];
  /** Reads the uid of a connected socket's peer; a keeper is trusted by it alone. */
  readonly peerUid: (fd: number) => number;
}

/** The keeper of a Mac as the holder of utun interfaces, and its protocol for all else. */
export interface KeeperHolder extends UtunHolder {
  /** The keeper's status; undefined when none runs. Starts nothing. */
  status(): Promise<KeeperStatus | undefined>;
  /** Sends a request to the keeper, and starts one if none runs. Throws what it reports. */
  request(request: KeeperRequest): Promise<KeeperStatus>;
}

/** The client of the keeper's unix socket, with one connection per request. */
export function keeperHolder(deps: KeeperHolderDeps): KeeperHolder {
  const status = () => statusOrNothing(deps);
  const request = async (asked: KeeperRequest) => {
    if ((await status()) === undefined) await launch(deps);
    return exchange(deps, asked);
  };
  const held = async () => heldNames(deps, await status());
  return {
    status,
    request,
    held,
    stated: async () =>
      new Set((await status())?.devices.filter(({ unit }) => unit !== undefined).map(({ device }) => device)),
    hold: async (device, unit) => {
      const alias = `${LINK_ALIAS_PREFIX}${tunnelOfDevice(device)}`;
      await request({ request: "openDevice", device, alias, ...(unit === undefined ? {} : { unit }) });
      const name = (await held()).get(device);
      if (name === undefined) throw new AwgError("host", `the keeper created no interface for ${device}`);
      return name;
    },
    release: async (device) => {
      if ((await status()) !== undefined) await exchange(deps, { request: "closeDevice", device });
    },
  };
}

/** The keeper writes the name before it reports the device, so a device without a name was removed meanwhile. */
function heldNames({ nameFolder }: KeeperHolderDeps, status: KeeperStatus | undefined): ReadonlyMap<string, string> {
  const named = (status?.devices ?? []).flatMap(({ device }) => {
    try {
      const name = readFileSync(`${nameFolder}/${tunnelOfDevice(device)}.name`, "utf8").trim();
      return /^utun[0-9]{1,5}$/.test(name) ? [[device, name] as const] : [];
    } catch {
      return [];
    }
  });
  return new Map(named);
}

async function statusOrNothing(deps: KeeperHolderDeps): Promise<KeeperStatus | undefined> {
  try {
    return await exchange(deps, { request: "status" });
  } catch (error) {
    if (error instanceof AwgError) throw error;
    if (ABSENT.has((error as NodeJS.ErrnoException).code)) return undefined;
    throw error;
  }
}

function exchange({ paths, peerUid }: KeeperHolderDeps, request: KeeperRequest): Promise<KeeperStatus> {
  return new Promise((answered, failed) => {
    const socket = connect(paths.socket);
    let text = "";
    const end = (settle: () => void) => {
      socket.destroy();
      settle();
    };
    socket.setEncoding("utf8");
    socket.setTimeout(ANSWER_TIMEOUT_MS, () =>
      end(() => failed(new AwgError("host", "the keeper did not answer in time", { remedy: `see ${paths.log}` }))),
    );
    socket.on("error", (error) => end(() => failed(error)));
    socket.on("end", () =>
      end(() => failed(Object.assign(new Error("the keeper closed the connection"), { code: "ECONNRESET" }))),
    );
    socket.on("connect", () => {
      try {
        checkPeer(socket, peerUid);
        socket.write(renderKeeperRequest(request));
      } catch (error) {
        end(() => failed(error));
      }
    });
    socket.on("data", (chunk) => {
      text += chunk;
      if (text.length > MAX_REQUEST_BYTES) end(() => failed(new AwgError("host", "the keeper's answer is too long")));
      else if (text.endsWith("\n")) {
        try {
          const status = parseKeeperAnswer(text.trimEnd());
          end(() => answered(status));
        } catch (error) {
          end(() => failed(error));
        }
      }
    });
  });
}

/** Node has no API for peer credentials; the descriptor is in the socket's handle. */
function checkPeer(socket: object, peerUid: KeeperHolderDeps["peerUid"]): void {
  const fd = (socket as { _handle?: { fd?: number } })._handle?.fd;
  if (fd === undefined || fd < 0) throw new AwgError("host", "the keeper's socket has no descriptor");
  const uid = peerUid(fd);
  if (uid === 0 || uid === process.geteuid?.()) return;
  throw new AwgError("permission", `the keeper's socket is served by uid ${uid}, which is not root`);
}

/** Starts the keeper in a new session with a clean environment, and waits until it answers. */
async function launch(deps: KeeperHolderDeps): Promise<void> {
  const { paths, command } = deps;
  const [program, ...words] = command;
  if (program === undefined) throw new AwgError("bug", "the keeper's command is missing");
  mkdirSync(paths.folder, { recursive: true, mode: 0o700 });
  chmodSync(paths.folder, 0o700);
  const log = openSync(paths.log, "a", 0o600);
  try {
    const env = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", LANG: "C" };
    const child = spawn(program, words, { cwd: "/", detached: true, env, stdio: ["ignore", log, log] });
    child.on("error", () => {});
    child.unref();
  } finally {
    closeSync(log);
  }
  const deadline = performance.now() + LAUNCH_TIMEOUT_MS;
  while ((await statusOrNothing(deps)) === undefined) {
    if (performance.now() > deadline) {
      throw new AwgError("host", "the keeper did not start", { remedy: `see ${paths.log}` });
    }
    await sleep(LAUNCH_LOOK_MS);
  }
}

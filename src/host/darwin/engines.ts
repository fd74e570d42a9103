import { rmSync } from "node:fs";
import { createConnection } from "node:net";
import { join } from "node:path";
import { ENGINE_PROGRAMS } from "../../model/engine-program.ts";
import { AwgError } from "../../model/error.ts";
import type { SecretStore } from "../../model/secret-store.ts";
import type { TunnelObserved, TunnelSpec } from "../../model/spec/tunnel.ts";
import { observedFromUapi, silentTunnel } from "../../model/uapi/observed.ts";
import { parseUapiDevice, parseUapiErrno } from "../../model/uapi/reply.ts";
import { renderUapiSet, UAPI_GET } from "../../model/uapi/set.ts";
import type { EnginePort } from "../ports/engines.ts";

const ANSWER_TIMEOUT_MS = 5000;
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;
const PROTOCOLS = ["wireguard", "amneziawg"] as const;

export interface DarwinEnginesDeps {
  readonly secrets: SecretStore;
  /** The interface of each device of ours, "awg-office" → "utun7". */
  readonly held: () => Promise<ReadonlyMap<string, string>>;
  /** Folder that stands for /. */
  readonly root: string;
}

/**
 * Engines of a Mac over their UAPI sockets, which bear the interface's name (`/var/run/wireguard/utun7.sock`): read, told
 * their configuration, and left to whoever holds the utun. An engine cannot be started here yet: on macOS it has to hold
 * the utun itself, and says so.
 */
export function darwinEngines(deps: DarwinEnginesDeps): EnginePort {
  const read = (device: string) => readEngine(deps, device);
  return {
    read,
    readAll: async () => {
      const engines = await Promise.all([...(await deps.held()).keys()].map(read));
      return engines.filter((engine) => engine !== undefined);
    },
    ensure: (spec) => ensureEngine(deps, spec),
    remove: (device) => removeEngine(deps, device),
  };
}

async function readEngine(
  { secrets, held, root }: DarwinEnginesDeps,
  device: string,
): Promise<TunnelObserved | undefined> {
  const name = (await held()).get(device);
  if (name === undefined) return undefined;
  for (const protocol of PROTOCOLS) {
    const answer = await ask(socketPath(root, protocol, name), UAPI_GET);
    if (answer === undefined) continue;
    const identity = { device, protocol, engine: "userspace" } as const;
    if (answer === "") return silentTunnel(identity);
    const state = parseUapiDevice(answer);
    const engine = state.isEmbedded === true ? "embedded" : "userspace";
    return observedFromUapi(state, { ...identity, engine }, (bytes) => secrets.idOf(bytes));
  }
  return undefined;
}

async function ensureEngine(deps: DarwinEnginesDeps, spec: TunnelSpec): Promise<void> {
  const { device, protocol } = spec;
  const name = (await deps.held()).get(device);
  if (name === undefined) {
    throw new AwgError("host", `there is no interface for the engine of ${device}`, { facts: { device } });
  }
  const standing = await readEngine(deps, device);
  if (standing?.protocol !== protocol) {
    throw new AwgError("unsupported", `awg cannot start the engine of ${device} on macOS yet`, {
      facts: { device, interface: name },
      remedy: `start ${protocol === "wireguard" ? "wireguard-go" : "amneziawg-go"} ${name}, or try --host simulated`,
    });
  }
  const text = renderUapiSet(spec, standing, (id) => deps.secrets.bytesOf(id));
  if (text === undefined) return;
  const answer = await ask(socketPath(deps.root, protocol, name), text);
  const errno = answer === undefined ? -1 : parseUapiErrno(answer);
  if (errno === 0) return;
  throw new AwgError("host", `the engine of ${device} refused its configuration (errno ${errno})`, {
    facts: { device },
  });
}

/** The engine ends with its interface, which the holder lets go; what is left is the socket's file. */
async function removeEngine({ held, root }: DarwinEnginesDeps, device: string): Promise<void> {
  const name = (await held()).get(device);
  if (name === undefined) return;
  for (const protocol of PROTOCOLS) {
    const path = socketPath(root, protocol, name);
    if ((await ask(path, UAPI_GET)) === undefined) rmSync(path, { force: true });
    else {
      throw new AwgError("unsupported", `awg cannot end the engine of ${device} on macOS yet`, {
        facts: { device, interface: name },
        remedy: "end that process",
      });
    }
  }
}

function socketPath(root: string, protocol: TunnelSpec["protocol"], name: string): string {
  return join(root, ENGINE_PROGRAMS[protocol].socketFolder, `${name}.sock`);
}

/** One exchange over a unix socket, up to the empty line; undefined where nobody listens, "" where nobody answers. */
function ask(path: string, request: string): Promise<string | undefined> {
  return new Promise((done) => {
    let answer = "";
    const socket = createConnection({ path });
    socket.setTimeout(ANSWER_TIMEOUT_MS, () => socket.destroy());
    socket.setEncoding("utf8");
    socket.on("connect", () => socket.write(request));
    socket.on("data", (text: string) => {
      answer += text;
      if (answer.endsWith("\n\n") || answer.length > MAX_ANSWER_BYTES) socket.destroy();
    });
    socket.on("error", (error: NodeJS.ErrnoException) => {
      const isGone = error.code === "ENOENT" || error.code === "ECONNREFUSED" || error.code === "ENOTDIR";
      done(isGone ? undefined : "");
    });
    socket.on("close", () => done(answer.endsWith("\n\n") ? answer : ""));
  });
}

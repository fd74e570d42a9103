import { createConnection } from "node:net";
import { join } from "node:path";
import { ENGINE_PROGRAMS } from "../../model/engine-program.ts";
import { AwgError } from "../../model/error.ts";
import type { KeeperRequest } from "../../model/keeper-protocol.ts";
import type { TunnelObserved, TunnelSpec } from "../../model/resources/tunnel.ts";
import type { SecretStore } from "../../model/secret-store.ts";
import { observedFromUapi, silentTunnel } from "../../uapi/observed.ts";
import { renderEndpointRefresh, renderHandshakeRequest, renderNewHandshake } from "../../uapi/peer-refresh.ts";
import { parseUapiDevice, UAPI_GET, type UapiDevice } from "../../uapi/reply.ts";
import { renderUapiSet } from "../../uapi/set.ts";
import type { EnginePort } from "../ports/engines.ts";
import type { RunCommand } from "./command.ts";
import { ENGINE_ACCOUNT } from "./facts/accounts.ts";

const ANSWER_TIMEOUT_MS = 5000;
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;
const PROTOCOLS = ["wireguard", "amneziawg"] as const;

/** The part of the keeper that manages engines. */
export interface EngineHolder {
  held(): Promise<ReadonlyMap<string, string>>;
  request(request: KeeperRequest): Promise<unknown>;
}

export interface DarwinEnginesDeps {
  readonly secrets: SecretStore;
  readonly run: RunCommand;
  /** The process that holds the utuns and starts their engines. */
  readonly holder: EngineHolder;
  /** Folder used instead of /. */
  readonly root: string;
}

/**
 * Engines of a Mac, in separate processes. They are read over their UAPI sockets, named after the interface
 * (`/var/run/wireguard/utun7.sock`), and started and configured through the keeper, which keeps the configuration for
 * restarts.
 */
export function darwinEngines(deps: DarwinEnginesDeps): EnginePort {
  const read = (device: string) => readEngine(deps, device);
  return {
    read,
    readAll: async () => {
      const engines = await Promise.all([...(await deps.holder.held()).keys()].map(read));
      return engines.filter((engine) => engine !== undefined);
    },
    ensure: (spec) => ensureEngine(deps, spec),
    refreshEndpoints: (device) => sendToEngine(deps, device, renderEndpointRefresh),
    requestHandshakes: (device, { anew = false } = {}) =>
      sendToEngine(deps, device, anew ? renderNewHandshake : renderHandshakeRequest),
    remove: async (device) => {
      if ((await deps.holder.held()).has(device)) await deps.holder.request({ request: "stopEngine", device });
    },
  };
}

async function readEngine(
  { holder, root, secrets }: DarwinEnginesDeps,
  device: string,
): Promise<TunnelObserved | undefined> {
  const name = (await holder.held()).get(device);
  if (name === undefined) return undefined;
  for (const protocol of PROTOCOLS) {
    const path = socketPath(root, protocol, name);
    const answer = await ask(path, UAPI_GET);
    if (answer === undefined) continue;
    const identity = { device, protocol, engine: "userspace" } as const;
    if (answer === "") return silentTunnel(identity);
    const state = stateOf(answer);
    if ("garbled" in state) {
      const text = `the engine's socket ${path} sends an unreadable answer: ${state.garbled}`;
      return {
        ...silentTunnel(identity),
        silence: { text, pid: 0, isForeign: false, canGoOn: false, isGarbled: true },
      };
    }
    const engine = state.isEmbedded === true ? "embedded" : "userspace";
    return observedFromUapi(state, { ...identity, engine }, (bytes) => secrets.idOf(bytes));
  }
  return undefined;
}

/** The engine's state, or why its answer is unreadable, which concerns its tunnel alone. */
function stateOf(answer: string): UapiDevice | { readonly garbled: string } {
  try {
    return parseUapiDevice(answer);
  } catch (error) {
    if (error instanceof AwgError && error.kind === "host") return { garbled: error.message };
    throw error;
  }
}

/** Sends the engine of a device one `set` rendered from its own state; a missing or silent engine is skipped. */
async function sendToEngine(
  { holder, root }: DarwinEnginesDeps,
  device: string,
  render: (state: UapiDevice) => string | undefined,
): Promise<void> {
  const name = (await holder.held()).get(device);
  if (name === undefined) return;
  for (const protocol of PROTOCOLS) {
    const path = socketPath(root, protocol, name);
    const answer = await ask(path, UAPI_GET);
    if (answer === undefined || answer === "") continue;
    const state = stateOf(answer);
    const request = "garbled" in state ? undefined : render(state);
    if (request !== undefined) await ask(path, request);
  }
}

async function ensureEngine(deps: DarwinEnginesDeps, spec: TunnelSpec): Promise<void> {
  const { device, protocol, engine } = spec;
  if (engine === "kernel") throw new AwgError("unsupported", `macOS has no kernel WireGuard, which ${device} requests`);
  if (!(await deps.holder.held()).has(device)) {
    throw new AwgError("host", `the engine of ${device} has no interface`, { facts: { device } });
  }
  const bytesOf = deps.secrets.bytesOf.bind(deps.secrets);
  const configuration = renderUapiSet(spec, undefined, bytesOf);
  if (configuration === undefined) throw new AwgError("bug", `there is nothing to configure on ${device}`);
  const existing = await readEngine(deps, device);
  const isSame = existing?.protocol === protocol && existing.engine === engine;
  const update = isSame ? renderUapiSet(spec, existing, bytesOf) : undefined;
  await deps.holder.request({
    request: "ensureEngine",
    device,
    engine,
    protocol,
    user: ENGINE_ACCOUNT,
    configuration,
    ...(update === undefined ? {} : { update }),
  });
}

function socketPath(root: string, protocol: TunnelSpec["protocol"], name: string): string {
  return join(root, ENGINE_PROGRAMS[protocol].socketFolder, `${name}.sock`);
}

/** One exchange over a unix socket, up to the empty line; undefined without a listener, "" without an answer. */
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

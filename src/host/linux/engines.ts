import { existsSync } from "node:fs";
import { AwgError } from "../../model/error.ts";
import { ENGINE_MARK } from "../../model/ownership.ts";
import type { SecretStore } from "../../model/secret-store.ts";
import type { TunnelObserved, TunnelSpec } from "../../model/spec/tunnel.ts";
import { type EngineIdentity, observedFromUapi, silentTunnel } from "../../model/uapi/observed.ts";
import { renderNudge, renderProbe } from "../../model/uapi/peer-touch.ts";
import { parseUapiDevice, type UapiDevice } from "../../model/uapi/reply.ts";
import { renderUapiSet, UAPI_GET } from "../../model/uapi/set.ts";
import { hasErrno } from "../../native/linux/errno.ts";
import {
  type AskedSocket,
  askOverUnixSocket,
  exchangeOverUnixSocket,
  isUnixSocketLive,
} from "../../native/linux/process/unix-exchange.ffi.ts";
import { openRouteNetlink } from "../../native/linux/rtnetlink/route-netlink.ffi.ts";
import type { EnginePort } from "../ports/engines.ts";
import { PROTOCOLS, removeDeadSockets, socketPath, socketsOf } from "./engine-sockets.ts";
import type { KeeperClient } from "./keeper-client.ts";
import { tunnelOfLink } from "./links.ts";
import { readServiceUser } from "./service-user.ts";

const ANSWER_TIMEOUT_MS = 5000;
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;
/** Enough to read what has come already. */
const LEAST_WAIT_MS = 10;
/** Each takes a descriptor until it has answered. */
const ASKED_AT_ONCE = 16;

/**
 * Engines in processes of their own, the embedded one like wireguard-go: read over their UAPI sockets directly, started and
 * set through the keeper, which remembers the configuration to start them again with.
 */
export function linuxEngines(keeper: KeeperClient, secrets: SecretStore): EnginePort {
  const read = (device: string) => readEngine(device, secrets);
  return {
    read: async (device) => (hasLink(device) ? read(device) : undefined),
    elsewhere: async (device) => {
      if (hasLink(device) || isHeld(keeper, device)) return undefined;
      return (await import("./engine-elsewhere.ts")).engineElsewhere(device);
    },
    portHolder: async (port) => (await import("./processes/port-holder.ts")).portHolder(port),
    readAll: async () => readEngines(ourDevices(), secrets),
    ensure: (spec) => ensureEngine(keeper, secrets, spec),
    nudge: async (device) => touchEngine(device, (state) => renderNudge(state, hasWay)),
    probe: async (device) => touchEngine(device, renderProbe),
    remove: (device) => removeEngine(keeper, device),
  };
}

/** One that somebody deleted under its engine is the keeper's still: what answers then is an engine of its own that ends. */
function isHeld(keeper: KeeperClient, device: string): boolean {
  return keeper.status()?.devices.some((held) => held.device === device) === true;
}

function hasLink(device: string): boolean {
  using netlink = openRouteNetlink();
  return netlink.link(device) !== undefined;
}

function ourDevices(): string[] {
  using netlink = openRouteNetlink();
  return netlink
    .links()
    .filter((link) => tunnelOfLink(link) !== undefined)
    .map(({ name }) => name);
}

function readEngine(device: string, secrets: SecretStore): TunnelObserved | undefined {
  return readEngines([device], secrets)[0];
}

/** What the engines of these devices say, in the devices' order; they answer side by side, and so do they stay silent. */
function readEngines(devices: readonly string[], secrets: SecretStore): TunnelObserved[] {
  const found: TunnelObserved[] = [];
  for (let first = 0; first < devices.length; first += ASKED_AT_ONCE) {
    using open = new DisposableStack();
    const questions = devices.slice(first, first + ASKED_AT_ONCE).map((device) => askEngine(device, open));
    const endMs = steadyMs() + ANSWER_TIMEOUT_MS;
    for (const asked of questions) {
      const engine = firstAnswer(asked, endMs, secrets);
      if (engine !== undefined) found.push(engine);
    }
  }
  return found;
}

/** A socket of an engine, and the question put to it or what came of the attempt. */
interface AskedEngine {
  readonly device: string;
  readonly protocol: (typeof PROTOCOLS)[number];
  readonly asked: AskedSocket | { readonly error: unknown };
}

/** Milliseconds of a clock that nobody sets. performance.now() would load node:perf_hooks: a millisecond of each start. */
function steadyMs(): number {
  return Number(process.hrtime.bigint() / 1_000_000n);
}

function askEngine(device: string, open: DisposableStack): AskedEngine[] {
  const places = PROTOCOLS.map((protocol) => ({ protocol, path: socketPath(protocol, device) }));
  return places
    .filter(({ path }) => existsSync(path))
    .map(({ protocol, path }) => {
      try {
        return { device, protocol, asked: open.use(askOverUnixSocket(exchangeOf(path, UAPI_GET))) };
      } catch (error) {
        return { device, protocol, asked: { error } };
      }
    });
}

function firstAnswer(asked: readonly AskedEngine[], endMs: number, secrets: SecretStore): TunnelObserved | undefined {
  for (const one of asked) {
    const engine = readAnswer(one, endMs, secrets);
    if (engine !== undefined) return engine;
  }
  return undefined;
}

function readAnswer(
  { device, protocol, asked }: AskedEngine,
  endMs: number,
  secrets: SecretStore,
): TunnelObserved | undefined {
  const identity: EngineIdentity = { device, protocol, engine: "userspace" };
  try {
    if ("error" in asked) throw asked.error;
    const leftMs = Math.max(LEAST_WAIT_MS, endMs - steadyMs());
    const state = parseUapiDevice(new TextDecoder().decode(asked.receive(leftMs)));
    const engine = state.isEmbedded === true ? "embedded" : "userspace";
    return observedFromUapi(state, { ...identity, engine }, (bytes) => secrets.idOf(bytes));
  } catch (error) {
    // The socket file of a program that has died.
    if (hasErrno(error, "ECONNREFUSED", "ENOENT")) return undefined;
    if (hasErrno(error, "ECONNRESET", "EPIPE", "ETIMEDOUT")) return silentTunnel(identity);
    throw error;
  }
}

/** Whether the kernel has a route for the engines' own packets to an endpoint. */
function hasWay(endpoint: string): boolean {
  const destination = endpoint.slice(0, endpoint.lastIndexOf(":")).replace(/^\[|\]$/g, "");
  using netlink = openRouteNetlink();
  const decision = netlink.decideRoute({ destination, mark: ENGINE_MARK });
  return "route" in decision && decision.route.type === "unicast";
}

/** Tells every engine of the device one `set` made from what it says of itself. */
function touchEngine(device: string, render: (state: UapiDevice) => string | undefined): void {
  for (const protocol of PROTOCOLS) {
    const path = socketPath(protocol, device);
    if (!existsSync(path)) continue;
    const request = render(parseUapiDevice(ask(path)));
    if (request !== undefined) ask(path, request);
  }
}

function ask(path: string, request = UAPI_GET): string {
  return new TextDecoder().decode(exchangeOverUnixSocket(exchangeOf(path, request)));
}

function exchangeOf(path: string, request: string): Parameters<typeof askOverUnixSocket>[0] {
  return {
    path,
    request: new TextEncoder().encode(request),
    terminator: Uint8Array.of(10, 10),
    maxAnswerBytes: MAX_ANSWER_BYTES,
    timeoutMs: ANSWER_TIMEOUT_MS,
  };
}

async function ensureEngine(keeper: KeeperClient, secrets: SecretStore, spec: TunnelSpec): Promise<void> {
  const { engine } = spec;
  if (engine === "kernel") {
    throw new AwgError("unsupported", `awg cannot drive the kernel's engine that ${spec.device} asks for yet`, {
      remedy: "say engine: auto",
    });
  }
  const bytesOf = secrets.bytesOf.bind(secrets);
  const configuration = renderUapiSet(spec, undefined, bytesOf);
  if (configuration === undefined) throw new AwgError("bug", `there is nothing to configure on ${spec.device}`);
  const standing = readEngine(spec.device, secrets);
  const isSame = standing?.protocol === spec.protocol && standing.engine === engine;
  const update = isSame ? renderUapiSet(spec, standing, bytesOf) : undefined;
  await keeper.ensureRunning();
  const user = readServiceUser();
  const { device, protocol, listenPort } = spec;
  const wanted = { device, engine, protocol, user, configuration, ...(update === undefined ? {} : { update }) };
  try {
    keeper.request({ request: "ensureEngine", ...wanted });
  } catch (error) {
    throw (await import("./processes/port-holder.ts")).namePortHolder(error, listenPort);
  }
}

async function removeEngine(keeper: KeeperClient, device: string): Promise<void> {
  // A new keeper takes over the engine that a dead one left, and can then end it.
  if (keeper.status() === undefined && socketsOf(device).some(isUnixSocketLive) && hasLink(device))
    await keeper.ensureRunning();
  if (keeper.status() !== undefined) keeper.request({ request: "stopEngine", device });
  removeDeadSockets(device);
}

import { AwgError } from "../../../model/error.ts";
import type { TunnelObserved } from "../../../model/resources/tunnel.ts";
import type { SecretStore } from "../../../model/secret-store.ts";
import { hasErrno } from "../../../native/linux/errno.ts";
import { controlSockets, type EngineProtocol, sharedSocket } from "../../../native/linux/process/engine-sockets.ts";
import { readProcessState } from "../../../native/linux/process/process-state.ts";
import { beginUnixExchange, type PendingExchange } from "../../../native/linux/process/unix-exchange.ffi.ts";
import type { Link } from "../../../native/linux/rtnetlink/link.codec.ts";
import { openRouteNetlink } from "../../../native/linux/rtnetlink/route-netlink.ffi.ts";
import { type EngineIdentity, observedFromUapi, silentTunnel } from "../../../uapi/observed.ts";
import { parseUapiDevice, UAPI_GET } from "../../../uapi/reply.ts";
import type { EnginePort } from "../../ports/engines.ts";
import type { KeeperClient } from "../keeper-client.ts";
import { type ListLinks, listLinks, tunnelOfLink } from "../links.ts";

/** Engines answer within a few milliseconds. After this time we check whether the process can answer at all. */
const PROMPT_MS = 150;
/** Time limit for an engine with a process that is able to answer. */
const PATIENCE_MS = 3000;
/** Time limit for an engine that did not answer the last query. */
const AGAIN_MS = 300;
/** Pause between queries to a silent engine in an unchanged process state; it doubles each time. */
const REST_MS = { first: 1000, longest: 10_000 } as const;
const MAX_ANSWER_BYTES = 64 * 1024 * 1024;
/** Enough to read data that has already arrived. */
const LEAST_WAIT_MS = 10;
/** Each open query takes a file descriptor. */
const ASKED_AT_ONCE = 16;

/**
 * Engines in separate processes, the embedded one included. They are read over their UAPI sockets, and started and
 * configured through the keeper, which keeps the configuration for restarts.
 */
export function linuxEngines(reader: EngineReaderState, list: ListLinks = listLinks): EnginePort {
  const { keeper, secrets } = reader;
  const read = async (device: string) => (await readEngines(reader, [device]))[0];
  return {
    read: async (device) => (hasLink(device) ? read(device) : undefined),
    separateSocket: async (spec) => (await import("./engine-sockets.ts")).separateSocket(keeper.folder, spec),
    portHolder: async (port) => (await import("../processes/port-holder.ts")).portHolder(port),
    readAll: async (known = new Map()) => {
      const devices = ourDevices(list());
      const asked = devices.filter((device) => !known.has(device));
      return [...devices.flatMap((device) => known.get(device) ?? []), ...(await readEngines(reader, asked))];
    },
    ensure: async (spec) => {
      const { ensureEngine } = await import("./order-engine.ts");
      try {
        await ensureEngine(keeper, secrets, spec, await read(spec.device));
      } finally {
        reader.silent.delete(spec.device);
      }
    },
    refreshEndpoints: async (device) => (await import("./refresh-engine.ts")).refreshEndpoints(keeper.folder, device),
    requestHandshakes: async (device, { anew = false } = {}) =>
      (await import("./refresh-engine.ts")).requestHandshakes(keeper.folder, device, anew),
    hasRoute: async (endpoint) => (await import("./refresh-engine.ts")).hasRoute(endpoint),
    remove: async (device) => (await import("./order-engine.ts")).removeEngine(keeper, device),
  };
}

function hasLink(device: string): boolean {
  using netlink = openRouteNetlink();
  return netlink.link(device) !== undefined;
}

function ourDevices(links: readonly Link[]): string[] {
  return links.filter((link) => tunnelOfLink(link) !== undefined).map(({ name }) => name);
}

/** Dependencies of the reader, and its memory between queries. */
export interface EngineReaderState {
  readonly keeper: KeeperClient;
  readonly secrets: SecretStore;
  /** Devices of engines that did not answer the last query. */
  readonly silent: Map<string, Silence>;
}

/** The last result for a silent engine; `process` is undefined where none was found. */
interface Silence {
  readonly said: TunnelObserved;
  readonly process: { readonly pid: number; readonly can: string } | undefined;
  readonly restMs: number;
  readonly untilMs: number;
}

/** The last result for a silent engine during its pause; undefined when it is due for a query. */
function stillSilent({ silent }: EngineReaderState, device: string): TunnelObserved | undefined {
  const { said, process, untilMs } = silent.get(device) ?? {};
  if (process === undefined || untilMs === undefined || steadyMs() >= untilMs) return undefined;
  return whatItCan(process.pid) === process.can ? said : undefined;
}

function rest(
  { silent }: EngineReaderState,
  device: string,
  said: TunnelObserved,
  pid: number | undefined,
): TunnelObserved {
  const before = silent.get(device)?.restMs;
  const restMs = before === undefined ? REST_MS.first : Math.min(REST_MS.longest, 2 * before);
  const process = pid === undefined ? undefined : { pid, can: whatItCan(pid) };
  silent.set(device, { said, process, restMs, untilMs: steadyMs() + restMs });
  return said;
}

/** What the process can do; a change ends the pause. */
function whatItCan(pid: number): "nothing" | "run" | "end" {
  const state = readProcessState(pid);
  if (state === undefined || state === "Z" || state === "X") return "end";
  return state === "T" || state === "t" ? "nothing" : "run";
}

/**
 * The state of these devices' engines, in the order of the devices. They are queried in parallel, so their time limits
 * do not add up.
 */
async function readEngines(reader: EngineReaderState, devices: readonly string[]): Promise<TunnelObserved[]> {
  const found: TunnelObserved[] = [];
  for (let first = 0; first < devices.length; first += ASKED_AT_ONCE) {
    using open = new DisposableStack();
    const questions = devices.slice(first, first + ASKED_AT_ONCE).map((device) => askEngine(reader, device, open));
    const promptEndMs = steadyMs() + PROMPT_MS;
    const answers = await Promise.all(
      questions.map((question) => question.resting ?? firstAnswer(question, promptEndMs, reader)),
    );
    const endMs = steadyMs() + PATIENCE_MS;
    for (const [index, answer] of answers.entries()) {
      const question = questions[index] as Question;
      const engine = isAnswered(answer) ? answer : await silenceOf(reader, question, answer, endMs);
      if (engine?.running === true) reader.silent.delete(question.device);
      if (engine !== undefined) found.push(engine);
    }
  }
  return found;
}

/** A device and the open query to each of its engine's sockets, or the error of opening it. */
interface Question {
  readonly device: string;
  readonly asked: readonly AskedEngine[];
  /** The last result, where the engine is not queried now. */
  readonly resting?: TunnelObserved;
}

interface AskedEngine {
  readonly device: string;
  readonly protocol: EngineProtocol;
  readonly path: string;
  readonly asked: PendingExchange | { readonly error: unknown };
}

/**
 * "late": a program listens and has not answered yet. "none": no listener. `garbled`: why the answer is not an
 * engine's.
 */
type Answer = TunnelObserved | Unheard;
type Unheard = "late" | "none" | Garbled;
interface Garbled {
  readonly garbled: string;
  readonly path: string;
}

function isAnswered(answer: Answer): answer is TunnelObserved {
  return typeof answer === "object" && !("garbled" in answer);
}

/**
 * Milliseconds of the monotonic clock. performance.now() would load node:perf_hooks, which costs a millisecond at each
 * start.
 */
function steadyMs(): number {
  return Number(process.hrtime.bigint() / 1_000_000n);
}

function askEngine(reader: EngineReaderState, device: string, open: DisposableStack): Question {
  const resting = stillSilent(reader, device);
  if (resting !== undefined) return { device, asked: [], resting };
  const asked = controlSockets(reader.keeper.folder, device).map((socket) => {
    try {
      return { device, ...socket, asked: open.use(beginUnixExchange(exchangeOf(socket.path, UAPI_GET, PROMPT_MS))) };
    } catch (error) {
      return { device, ...socket, asked: { error } };
    }
  });
  return { device, asked };
}

async function firstAnswer({ asked }: Question, endMs: number, { secrets }: EngineReaderState): Promise<Answer> {
  let unheard: Unheard = "none";
  for (const one of asked) {
    const answer = await readAnswer(one, endMs, secrets);
    if (isAnswered(answer)) return answer;
    if (unheard !== "late" && answer !== "none") unheard = answer;
  }
  return unheard;
}

async function readAnswer(
  { device, protocol, path, asked }: AskedEngine,
  endMs: number,
  secrets: SecretStore,
): Promise<Answer> {
  const identity: EngineIdentity = { device, protocol, engine: "userspace" };
  try {
    if ("error" in asked) throw asked.error;
    const leftMs = Math.max(LEAST_WAIT_MS, Math.ceil(endMs - steadyMs()));
    const state = parseUapiDevice(new TextDecoder().decode(await asked.receiveLater(leftMs)));
    const engine = state.isEmbedded === true ? "embedded" : "userspace";
    const socket = path === sharedSocket(protocol, device) ? {} : { socket: path };
    return observedFromUapi(state, { ...identity, engine, ...socket }, (bytes) => secrets.idOf(bytes));
  } catch (error) {
    // The socket file belongs to a program that died or is just ending.
    if (hasErrno(error, "ECONNREFUSED", "ENOENT", "ECONNRESET", "EPIPE")) return "none";
    // EAGAIN: the listener's backlog is full (connect(2)).
    if (hasErrno(error, "ETIMEDOUT", "EAGAIN")) return "late";
    // An error of our own call has an errno. An unreadable answer has none and concerns this tunnel alone.
    const isAnswer = error instanceof AwgError && error.kind === "host" && error.facts["errno"] === undefined;
    if (isAnswer) return { garbled: error.message, path };
    throw error;
  }
}

/**
 * The observed state of an engine that did not answer at once; undefined without an engine. A process stopped by a
 * signal is not waited for.
 */
async function silenceOf(
  reader: EngineReaderState,
  question: Question,
  first: Unheard,
  endMs: number,
): Promise<TunnelObserved | undefined> {
  const { device, asked } = question;
  let answer = first;
  const held = await heldBy(reader.keeper, device);
  if (answer === "none" && held !== undefined && held.pid === undefined) return undefined;
  // Loaded only when an engine does not answer.
  const { findEngineProcess, garbledEngine, silentEngine } = await import("./silent-engine.ts");
  const found = findEngineProcess(device, held?.pid);
  if (answer === "late" && found?.stoppedBy === undefined) {
    const again = reader.silent.has(device) ? Math.min(endMs, steadyMs() + AGAIN_MS) : endMs;
    const late = await firstAnswer(question, again, reader);
    if (isAnswered(late)) return late;
    if (typeof late === "object") answer = late;
  }
  if (found === undefined && answer === "none") return undefined;
  const protocol = asked[0]?.protocol ?? "wireguard";
  if (typeof answer === "object") {
    const said = garbledEngine({ device, engine: "userspace", protocol }, found, { ...answer, keeper: held?.keeper });
    return rest(reader, device, said, found?.pid);
  }
  const said =
    found === undefined
      ? silentTunnel({ device, engine: "userspace", protocol })
      : silentEngine(device, found, answer === "late" ? "does not answer" : "has lost its socket");
  return rest(reader, device, said, found?.pid);
}

/**
 * The engine of a device as its keeper reports it, without a pid where none runs; undefined when no keeper answers.
 */
async function heldBy(
  keeper: KeeperClient,
  device: string,
): Promise<{ readonly pid: number | undefined; readonly keeper: number } | undefined> {
  try {
    const status = await keeper.status();
    const held = status?.devices.find((one) => one.device === device);
    // The status derived from the kernel for a silent keeper lists no tables and no engines.
    if (held === undefined || (held.engine === undefined && status?.tables.length === 0)) return undefined;
    return { pid: held.engine?.pid, keeper: status?.pid ?? 0 };
  } catch {
    return undefined;
  }
}

function exchangeOf(path: string, request: string, timeoutMs: number): Parameters<typeof beginUnixExchange>[0] {
  return {
    path,
    request: new TextEncoder().encode(request),
    terminator: Uint8Array.of(10, 10),
    maxAnswerBytes: MAX_ANSWER_BYTES,
    timeoutMs,
  };
}

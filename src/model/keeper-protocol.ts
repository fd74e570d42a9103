import { isNameService, type NameService } from "./dns/name-service.ts";
import { AwgError, type ErrorFacts, type ErrorKind } from "./error.ts";
import { type KeeperRelay, parseRelayRequest, type RelayRequest } from "./keeper/keeper-relays.ts";
import { isWatch, type Watch } from "./keeper/watch.ts";
import { isDeviceName, utunUnit } from "./resources/tunnel-key.ts";

/** The keeper's protocol: JSON lines over a unix socket, one reply per request, for root and the keeper's own user. */
export const KEEPER_PROTOCOL_VERSION = 1;

/** A transaction of 10,000 prefixes is megabytes in base64; valid messages are never longer than this. */
export const MAX_REQUEST_BYTES = 64 * 1024 * 1024;

/** The identity of an engine's sockets; 0 and 0 on a host without a service user. */
export interface EngineUser {
  readonly uid: number;
  readonly gid: number;
}

export interface OpenDevice {
  readonly request: "openDevice";
  readonly device: string;
  /** Written to the device before it becomes persistent, so that no device is left unmarked. */
  readonly alias: string;
  /** The wanted utun number (macOS); the first free one when absent. */
  readonly unit?: number;
}

/**
 * Takes over a device from another program's engine; the engine keeps running, and the keeper watches it from then on.
 */
export interface AdoptDevice {
  readonly request: "adoptDevice";
  readonly device: string;
  readonly alias: string;
}

export interface EnsureEngine {
  readonly request: "ensureEngine";
  readonly device: string;
  /** `userspace`: wireguard-go or amneziawg-go; `embedded`: awg's own, in a process of its own. */
  readonly engine: "userspace" | "embedded";
  readonly protocol: "wireguard" | "amneziawg";
  readonly user: EngineUser;
  /** A UAPI set with the complete configuration; kept in memory for restarts. Contains secrets. */
  readonly configuration: string;
  /** A UAPI set for a running engine; absent if nothing is to be set. */
  readonly update?: string;
}

/**
 * An engine will be requested soon, so it may load while the rest is prepared. It gets and touches nothing before
 * `ensureEngine`; without that it exits within seconds.
 */
export interface ExpectEngine extends Pick<EnsureEngine, "device" | "engine" | "protocol" | "user"> {
  readonly request: "expectEngine";
}

export interface NftTransaction {
  readonly request: "nftTransaction";
  readonly changes: readonly { readonly message: string; readonly action: string }[];
  /** Refuse if the ruleset is no longer of this generation. */
  readonly generation?: number;
}

export type KeeperRequest =
  | { readonly request: "status" }
  | OpenDevice
  | AdoptDevice
  /** `releaseDevice`: stops managing a taken-over device and its engine; both stay. */
  | { readonly request: "closeDevice" | "releaseDevice"; readonly device: string }
  | ExpectEngine
  | EnsureEngine
  | { readonly request: "stopEngine"; readonly device: string }
  | RelayRequest
  | NftTransaction
  | { readonly request: "armWatchdog"; readonly watch: Watch }
  | { readonly request: "disarmWatchdog" }
  /** Runs awg's resolver with this configuration, or ends it. */
  | { readonly request: "ensureNames"; readonly service: NameService }
  | { readonly request: "stopNames" }
  | { readonly request: "stop" };

export interface KeeperDevice {
  readonly device: string;
  /** The requested number, if there was one (macOS). */
  readonly unit?: number;
  /** Absent when no engine was requested. */
  readonly engine?: {
    readonly pid: number;
    readonly kind: string;
    readonly protocol: string;
    readonly restarts: number;
  };
}

export interface KeeperStatus {
  readonly version: number;
  readonly pid: number;
  readonly devices: readonly KeeperDevice[];
  /** Absent for a keeper of a version without relays. */
  readonly relays?: readonly KeeperRelay[];
  /** nf_tables tables that the keeper's socket owns: "inet awg". */
  readonly tables: readonly string[];
  /** Present while awg's resolver is wanted; pid 0 between two tries. */
  readonly names?: { readonly pid: number; readonly service: NameService; readonly restarts: number };
  /** Present while a watchdog is armed. */
  readonly watchdog?: { readonly deadlineMs: number };
  /** After a transaction with changes: port id and sequence numbers that identify it in kernel events. */
  readonly committed?: { readonly port: number; readonly first: number; readonly count: number };
}

export type KeeperAnswer =
  | { readonly ok: true; readonly status: KeeperStatus }
  | {
      readonly ok: false;
      readonly error: {
        readonly kind: ErrorKind;
        readonly message: string;
        readonly facts: ErrorFacts;
        readonly remedy?: string;
      };
    };

export { type KeeperPaths, keeperPaths } from "./keeper/keeper-paths.ts";

type Json = Readonly<Record<string, unknown>>;

/**
 * Reads one line of a client. Errors never repeat the input: it may contain secrets (law 8).
 *
 * @throws AwgError("host") for anything that is not a request of this version.
 */
export function parseKeeperRequest(line: string): KeeperRequest {
  const json = parseObject(line);
  if (json["version"] !== KEEPER_PROTOCOL_VERSION) {
    throw new AwgError("host", "the keeper and its client are of different versions", {
      remedy: "stop the keeper with the version that started it, then apply again",
    });
  }
  switch (json["request"]) {
    case "status":
    case "stop":
    case "disarmWatchdog":
    case "stopNames":
      return { request: json["request"] };
    case "openDevice":
      return { request: "openDevice", device: deviceOf(json), alias: aliasOf(json), ...unitOf(json) };
    case "adoptDevice":
      return { request: "adoptDevice", device: deviceOf(json), alias: aliasOf(json) };
    case "releaseDevice":
    case "closeDevice":
    case "stopEngine":
      return { request: json["request"], device: deviceOf(json) };
    case "expectEngine":
      return { request: "expectEngine", ...engineOf(json) };
    case "ensureEngine":
      return ensureEngineOf(json);
    case "ensureRelay":
    case "stopRelay":
      return parseRelayRequest(json["request"], json) ?? refuseRelay();
    case "nftTransaction":
      return nftTransactionOf(json);
    case "ensureNames":
      if (!isNameService(json["service"])) throw notARequest("service");
      return { request: "ensureNames", service: json["service"] };
    case "armWatchdog":
      if (!isWatch(json["watch"])) throw notARequest("watch");
      return { request: "armWatchdog", watch: json["watch"] };
    default:
      throw notARequest("request");
  }
}

/** A request as a line, newline included. */
export function renderKeeperRequest(request: KeeperRequest): string {
  return `${JSON.stringify({ version: KEEPER_PROTOCOL_VERSION, ...request })}\n`;
}

/** A reply as a line, newline included. */
export function renderKeeperAnswer(answer: KeeperAnswer): string {
  return `${JSON.stringify(answer)}\n`;
}

/** The reply that reports an error. */
export function failureAnswer(error: unknown): KeeperAnswer {
  if (!(error instanceof AwgError)) {
    const message = error instanceof Error ? error.message : String(error);
    return { ok: false, error: { kind: "bug", message: `the keeper failed: ${message}`, facts: {} } };
  }
  const { kind, message, facts, remedy } = error;
  return { ok: false, error: { kind, message, facts, ...(remedy === undefined ? {} : { remedy }) } };
}

/**
 * The status in a reply.
 *
 * @throws AwgError as the keeper reported it, or ("host") when the line is not a reply.
 */
export function parseKeeperAnswer(line: string): KeeperStatus {
  const answer = parseObject(line) as unknown as KeeperAnswer;
  if (answer.ok === true && typeof answer.status === "object") return answer.status;
  if (answer.ok !== false || typeof answer.error?.message !== "string") {
    throw new AwgError("host", "the program on the keeper's socket is not a keeper");
  }
  const { kind, message, facts, remedy } = answer.error;
  throw new AwgError(kind, message, { facts, ...(remedy === undefined ? {} : { remedy }) });
}

function parseObject(line: string): Json {
  try {
    const json: unknown = JSON.parse(line);
    if (typeof json === "object" && json !== null && !Array.isArray(json)) return json as Json;
  } catch {
    throw notARequest("line");
  }
  throw notARequest("line");
}

function engineOf(json: Json): Omit<ExpectEngine, "request"> {
  const { protocol, user, engine } = json;
  if (engine !== "userspace" && engine !== "embedded") throw notARequest("engine");
  if (protocol !== "wireguard" && protocol !== "amneziawg") throw notARequest("protocol");
  return { device: deviceOf(json), engine, protocol, user: userOf(user) };
}

function ensureEngineOf(json: Json): EnsureEngine {
  const { configuration, update } = json;
  const engine = engineOf(json);
  if (!isUapiSet(configuration)) throw notARequest("configuration");
  if (update !== undefined && !isUapiSet(update)) throw notARequest("update");
  return {
    request: "ensureEngine",
    ...engine,
    configuration,
    ...(update === undefined ? {} : { update }),
  };
}

function isUapiSet(value: unknown): value is string {
  return typeof value === "string" && value.startsWith("set=1\n") && value.indexOf("\n\n") === value.length - 2;
}

function refuseRelay(): never {
  throw notARequest("relay");
}

function userOf(value: unknown): EngineUser {
  const { uid, gid } = (value ?? {}) as Json;
  if (!isId(uid) || !isId(gid)) throw notARequest("user");
  return { uid, gid };
}

function isId(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value < 0xffffffff;
}

function nftTransactionOf(json: Json): NftTransaction {
  const { changes, generation } = json;
  if (!Array.isArray(changes) || !changes.every(isChange)) throw notARequest("changes");
  if (generation !== undefined && !isId(generation)) throw notARequest("generation");
  return { request: "nftTransaction", changes, ...(generation === undefined ? {} : { generation }) };
}

function isChange(value: unknown): value is { message: string; action: string } {
  const { message, action } = (value ?? {}) as Json;
  return typeof message === "string" && typeof action === "string" && /^[A-Za-z0-9+/]*={0,2}$/.test(message);
}

function deviceOf(json: Json): string {
  const device = json["device"];
  if (typeof device !== "string" || !isDeviceName(device)) throw notARequest("device");
  return device;
}

function unitOf({ unit }: Json): Pick<OpenDevice, "unit"> {
  if (unit === undefined) return {};
  if (typeof unit !== "number" || utunUnit(`utun${unit}`) === undefined) throw notARequest("unit");
  return { unit };
}

function aliasOf(json: Json): string {
  const alias = json["alias"];
  if (typeof alias !== "string" || alias === "" || alias.length > 255) throw notARequest("alias");
  return alias;
}

function notARequest(field: string): AwgError {
  return new AwgError("host", `the keeper received an invalid request: ${field}`);
}

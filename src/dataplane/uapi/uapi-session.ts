import { parseParameters } from "../../engine/awg/parse-parameters.ts";
import { bytesToHex } from "../../uapi/key-text.ts";
import type { TunnelObservation } from "../contract.ts";
import type { DataPlane } from "../data-plane.ts";
import { isSameEndpoint } from "./endpoint-text.ts";
import { parseSet, type SetRequest } from "./parse-set.ts";
import { renderGet } from "./render-get.ts";
import { UapiError, uapiErrnoOf } from "./uapi-error.ts";
import {
  deviceSettings,
  type HostSettings,
  NO_SETTINGS,
  settingsAfter,
  type UapiSettings,
  wipeUnusedKeys,
} from "./uapi-settings.ts";

/** One tunnel behind a UAPI socket. */
export interface UapiTunnel {
  readonly device: string;
  readonly tunFd: number;
  readonly plane: DataPlane;
  /** Settings that UAPI does not carry, read again for each request. */
  readonly hostSettings: () => HostSettings;
  /** Receives the reason of each refused request; never a secret. */
  readonly report: (line: string) => void;
}

/** Answers the UAPI requests for one tunnel, in order. */
export class UapiSession {
  readonly #tunnel: UapiTunnel;
  #held: UapiSettings = NO_SETTINGS;
  #carried = false;
  #last: Promise<unknown> = Promise.resolve();

  constructor(tunnel: UapiTunnel) {
    this.#tunnel = tunnel;
  }

  /** The answer to one request, with its errno line and the empty line. Never throws. */
  answer(request: string): Promise<string> {
    const answered = this.#last.then(() => this.#answer(request));
    this.#last = answered;
    return answered;
  }

  /** Passes changed host settings to the data plane, such as the MTU. */
  refresh(): Promise<void> {
    const refreshed = this.#last.then(async () => {
      const settings = deviceSettings(this.#held, this.#tunnel.hostSettings());
      if (this.#carried && settings !== undefined) await this.#tunnel.plane.configure(this.#tunnel.device, settings);
    });
    this.#last = refreshed.catch((error: unknown) => this.#tunnel.report(String(error)));
    return refreshed;
  }

  async #answer(request: string): Promise<string> {
    try {
      const [verb, ...lines] = request.split("\n");
      if (verb === "get=1" && lines.every((line) => line === "")) return `${await this.#get()}errno=0\n\n`;
      if (verb !== "set=1") throw new UapiError("EPROTO", "a request is neither get=1 nor set=1");
      await this.#setAndForget(parseSet(lines));
      return "errno=0\n\n";
    } catch (error) {
      this.#tunnel.report(error instanceof Error ? error.message : String(error));
      return `errno=${-uapiErrnoOf(error)}\n\n`;
    }
  }

  async #get(): Promise<string> {
    const { tunnels } = await this.#tunnel.plane.observe();
    return renderGet(
      this.#held,
      tunnels.find(({ name }) => name === this.#tunnel.device),
    );
  }

  /** Wipes keys that are no longer used, or were refused. */
  async #setAndForget(request: SetRequest): Promise<void> {
    const before = this.#held;
    try {
      await this.#set(request);
    } finally {
      wipeUnusedKeys(this.#held, before, request);
    }
  }

  /** All or nothing: the data plane validates settings before it changes any. */
  async #set(request: SetRequest): Promise<void> {
    const { plane, device, tunFd } = this.#tunnel;
    const wanted = settingsAfter(this.#held, request);
    // Also checked without a private key, when the data plane is not called.
    parseParameters(wanted.obfuscation);
    const settings = deviceSettings(wanted, this.#tunnel.hostSettings());
    let observed: TunnelObservation | undefined;
    if (settings === undefined) {
      if (this.#carried) await plane.remove(device);
    } else if (this.#carried) observed = await plane.configure(device, settings);
    else observed = await plane.addTunnel({ name: device, tunFd, ...settings });
    const before = this.#held;
    this.#held = wanted;
    this.#carried = settings !== undefined;
    if (observed === undefined || settings === undefined) return;
    await this.#moveEndpoints(request, observed);
    const woken = wokenBy(request, before);
    for (const { publicKey, endpoint } of settings.peers)
      if (endpoint !== undefined && woken.has(bytesToHex(publicKey))) await plane.connect(device, publicKey);
  }

  /** A roamed peer returns to the endpoint in the request, even if that was set before. */
  async #moveEndpoints(request: SetRequest, observed: TunnelObservation): Promise<void> {
    const seen = new Map(observed.peers.map((peer) => [bytesToHex(peer.publicKey), peer.endpoint]));
    for (const { publicKey, endpoint } of request.peers) {
      const key = bytesToHex(publicKey);
      if (endpoint === undefined || !seen.has(key) || isSameEndpoint(seen.get(key), endpoint)) continue;
      await this.#tunnel.plane.setEndpoint(this.#tunnel.device, publicKey, endpoint);
    }
  }
}

/**
 * Peers whose keepalive is switched on, even if a later block of the same `set` switches it off: this sends at once,
 * and so starts a session (as wireguard-go device/uapi.go does).
 */
function wokenBy({ peers }: SetRequest, before: UapiSettings): ReadonlySet<string> {
  const seconds = new Map([...before.peers].map(([key, { keepalive }]) => [key, keepalive.high]));
  const woken = new Set<string>();
  for (const { publicKey, keepalive } of peers) {
    if (keepalive === undefined) continue;
    const key = bytesToHex(publicKey);
    if (keepalive.high > 0 && (seconds.get(key) ?? 0) === 0) woken.add(key);
    seconds.set(key, keepalive.high);
  }
  return woken;
}

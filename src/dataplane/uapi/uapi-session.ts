import { parseParameters } from "../../engine/awg/parse-parameters.ts";
import type { DeviceSettings } from "../contract.ts";
import type { DataPlane } from "../data-plane.ts";
import { withPauses } from "../with-pauses.ts";
import { parseSet, type SetRequest } from "./parse-set.ts";
import { firstConnects, peerChanges } from "./peer-changes.ts";
import { renderGet } from "./render-get.ts";
import { commitSettings, type SettingsDraft, settingsAfter } from "./settings-after.ts";
import { UapiError, uapiErrnoOf } from "./uapi-error.ts";
import { deviceSettings, type HostSettings, noSettings, peerSettings, type UapiSettings } from "./uapi-settings.ts";
import { keysOf, wipeUnusedKeys } from "./unused-keys.ts";

/** One tunnel behind a UAPI socket. */
export interface UapiTunnel {
  readonly device: string;
  readonly tunFd: number;
  readonly plane: DataPlane;
  /** Settings that UAPI does not carry, read again for each change of the device. */
  readonly hostSettings: () => HostSettings;
  /** Receives the reason of each refused request; never a secret. */
  readonly report: (line: string) => void;
}

/** Answers the UAPI requests for one tunnel, in order. */
export class UapiSession {
  readonly #tunnel: UapiTunnel;
  #held: UapiSettings = noSettings();
  /** What the data plane has; undefined: no tunnel. */
  #carried: DeviceSettings | undefined;
  /** As last read. */
  #host: HostSettings | undefined;
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
      this.#host = undefined;
      if (this.#carried !== undefined) await this.#carry(this.#held);
    });
    this.#last = refreshed.catch((error: unknown) => this.#tunnel.report(String(error)));
    return refreshed;
  }

  async #answer(request: string): Promise<string> {
    try {
      if (/^get=1\n*$/.test(request)) return `${await this.#get()}errno=0\n\n`;
      const lines = linesOf(request);
      if (lines.next().value !== "set=1") throw new UapiError("EPROTO", "a request is neither get=1 nor set=1");
      await this.#setAndForget(parseSet(withPauses(lines)));
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
    const keys = keysOf(this.#held, request);
    try {
      await this.#set(request);
    } finally {
      wipeUnusedKeys(this.#held, keys);
    }
  }

  /**
   * All or nothing: the data plane can refuse the device's settings only, and gets them before it gets any peer. Peers
   * that the request does not change are not touched.
   */
  async #set(request: SetRequest): Promise<void> {
    const held = this.#held;
    const wanted = settingsAfter(held, request);
    // Also checked without a private key, when the data plane is not called.
    if (wanted.obfuscation !== held.obfuscation) parseParameters(wanted.obfuscation);
    const wasCarried = this.#carried !== undefined;
    // Reading takes as long as the change of a peer; `refresh` is called when they change.
    if (!isOfPeersAlone(request)) this.#host = undefined;
    await this.#carry(wanted);
    const changes = wasCarried ? peerChanges(held, wanted, request) : firstConnects(held, wanted, request);
    this.#held = commitSettings(held, wanted);
    if (this.#carried === undefined || changes.length === 0) return;
    await this.#tunnel.plane.changePeers(this.#tunnel.device, changes);
  }

  /** Gives the device's settings to the data plane, and all peers with a new tunnel. */
  async #carry(wanted: UapiSettings | SettingsDraft): Promise<void> {
    const { plane, device, tunFd } = this.#tunnel;
    this.#host ??= this.#tunnel.hostSettings();
    const settings = deviceSettings(wanted, this.#host);
    const carried = this.#carried;
    if (settings === undefined) {
      if (carried !== undefined) await plane.remove(device);
    } else if (carried === undefined) {
      const peers = Array.from(wanted.peers.values(), (peer) => ({
        ...peerSettings(peer),
        allowedIPs: [...peer.allowedIps.values()],
      }));
      await plane.addTunnel({ name: device, tunFd, ...settings, peers });
    } else if (!isSameDevice(carried, settings)) await plane.configure(device, settings);
    this.#carried = settings;
  }
}

/** One at a time: a set of 10,000 peers has 30,000. */
function* linesOf(text: string): Generator<string> {
  let from = 0;
  for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", from)) {
    yield text.slice(from, end);
    from = end + 1;
  }
  yield text.slice(from);
}

function isOfPeersAlone({ peers: _peers, replacePeers: _replacePeers, obfuscation, ...device }: SetRequest): boolean {
  return Object.keys(device).length + Object.keys(obfuscation).length === 0;
}

/** Keys are compared by identity: a request that sets the same key again costs no more than that. */
function isSameDevice({ privateKey, ...one }: DeviceSettings, { privateKey: key, ...other }: DeviceSettings): boolean {
  return privateKey === key && JSON.stringify(one) === JSON.stringify(other);
}

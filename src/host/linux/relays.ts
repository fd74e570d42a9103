import { readdirSync, rmSync } from "node:fs";
import { relaySocketPath } from "../../model/keeper/keeper-relays.ts";
import { relayPort } from "../../model/ownership.ts";
import {
  isProxySpec,
  MOST_REPORT_BYTES,
  type ProxyObserved,
  type ProxySpec,
  parseRelayReport,
} from "../../model/relay/proxy.ts";
import { type RelaySettings, renderRelaySettings } from "../../model/relay/relay-settings.ts";
import type { SecretStore } from "../../model/secret-store.ts";
import { exchangeOverUnixSocket } from "../../native/linux/process/unix-exchange.ffi.ts";
import type { RelayPort } from "../ports/engines.ts";
import type { KeeperClient } from "./keeper-client.ts";
import { readServiceUser } from "./service-user.ts";

const ANSWER_TIMEOUT_MS = 1000;
const SOCKET_NAME = /^relay-([0-9]+)$/;

/** Relays in processes of their own, which the keeper starts; each reports over a socket in the keeper's folder. */
export function linuxRelays(keeper: KeeperClient, secrets: SecretStore, folder: string): RelayPort {
  const readAll = async () => relayNumbers(folder).flatMap((number) => readRelay(folder, number) ?? []);
  return {
    readAll,
    async ensure(spec) {
      const found = readRelay(folder, spec.number);
      if (found?.relay !== undefined && identityOf(found) === identityOf(spec)) return;
      await keeper.ensureRunning();
      const password = spec.password === undefined ? undefined : secrets.bytesOf(spec.password);
      const settings = renderRelaySettings(settingsOf(spec, folder), password);
      await keeper.request({ request: "ensureRelay", number: spec.number, settings });
    },
    async remove(number) {
      // A new keeper adopts the relay that a dead one left, and can then end it.
      if (readRelay(folder, number)?.relay !== undefined) await keeper.ensureRunning();
      if ((await keeper.status()) !== undefined) await keeper.request({ request: "stopRelay", number });
      rmSync(relaySocketPath(folder, number), { force: true });
    },
  };
}

function relayNumbers(folder: string): number[] {
  try {
    return readdirSync(folder)
      .flatMap((name) => SOCKET_NAME.exec(name)?.[1] ?? [])
      .map(Number);
  } catch (error) {
    if (errnoOf(error) === "ENOENT" || errnoOf(error) === "EACCES") return [];
    throw error;
  }
}

function errnoOf(error: unknown): string | undefined {
  return (error as NodeJS.ErrnoException).code;
}

/** The relay behind a socket; without `relay` if its process is gone; undefined if it cannot be read. */
function readRelay(folder: string, number: number): ProxyObserved | undefined {
  try {
    const answer = exchangeOverUnixSocket({
      path: relaySocketPath(folder, number),
      request: new Uint8Array(),
      terminator: Uint8Array.of(10),
      maxAnswerBytes: MOST_REPORT_BYTES,
      timeoutMs: ANSWER_TIMEOUT_MS,
    });
    const report = parseRelayReport(new TextDecoder().decode(answer));
    const spec = report === undefined ? undefined : specOf(report.identity);
    return report === undefined || spec === undefined ? silentRelay(number) : { ...spec, relay: report.relay };
  } catch {
    return silentRelay(number);
  }
}

/** Its configuration is unknown: whatever is wanted differs. */
function silentRelay(number: number): ProxyObserved {
  return { name: "", number, protocol: "socks5", address: "", port: 0, udp: false };
}

/** The configuration as text: of two equal ones it is the same. */
function identityOf({ name, number, protocol, address, port, tls, username, password, udp }: ProxySpec): string {
  const { serverName, ca } = tls ?? {};
  const ofTls = tls === undefined ? undefined : { serverName, ca };
  return JSON.stringify({ name, number, protocol, address, port, tls: ofTls, username, password, udp });
}

/** The relay repeats what it got from the keeper, and could write anything. */
function specOf(identity: string): ProxySpec | undefined {
  try {
    const spec: unknown = JSON.parse(identity);
    return isProxySpec(spec) ? spec : undefined;
  } catch {
    return undefined;
  }
}

function settingsOf(spec: ProxySpec, folder: string): Omit<RelaySettings, "password"> {
  const { protocol, address, port, tls, username, udp, number } = spec;
  return {
    protocol,
    server: { address, port },
    ...(tls === undefined ? {} : { tls }),
    ...(username === undefined ? {} : { username }),
    udp,
    user: readServiceUser(),
    port: relayPort(number),
    statePath: relaySocketPath(folder, number),
    identity: identityOf(spec),
  };
}

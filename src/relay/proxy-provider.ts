import type { Socket } from "node:net";
import type { RelaySettings } from "../model/relay/relay-settings.ts";
import { type Dialled, dialProxy, type ProxyAddress } from "./dial.ts";
import type { Dialogue, Target } from "./protocol/dialogue.ts";
import { httpDialogue } from "./protocol/http-dialogue.ts";
import { socks5Dialogue } from "./protocol/socks5-dialogue.ts";
import { DialError, type Provider, type ProviderStatus } from "./provider.ts";
import { openUdpSession } from "./udp/udp-session.ts";

/** RFC 1928 section 6: the client does not know its address yet. */
const ANY: Target = { address: new Uint8Array(4), port: 0 };

/** How one protocol asks. */
interface Protocol {
  connect(target: Target): Dialogue;
  /** Asked by a probe; absent: a connection is enough. */
  probe?(): Dialogue;
  /** Absent: it carries no UDP. */
  associate?(): Dialogue;
}

/**
 * A provider for the proxy of these settings.
 *
 * @param ca the accepted authorities in PEM; Node's without it
 */
export function proxyProvider(settings: RelaySettings, ca?: string): Provider {
  const { server } = settings;
  const at = addressOf(settings, ca);
  const protocol = protocolOf(settings);
  const open = new Set<Socket>();
  let status: ProviderStatus = { state: "unknown", ...(protocol.associate === undefined ? { udp: false } : {}) };
  let localAddress: string | undefined;
  let isOver = false;

  const dial = async (dialogue: Dialogue | undefined): Promise<Dialled> => {
    if (isOver) throw new DialError("the relay ends");
    try {
      const dialled = await dialProxy(at, dialogue, (latencyMs) => {
        status = { ...known(status), state: "up", latencyMs: Math.round(latencyMs * 10) / 10 };
      });
      const { socket } = dialled;
      localAddress = socket.localAddress;
      open.add(socket);
      socket.once("close", () => open.delete(socket));
      return dialled;
    } catch (error) {
      if (error instanceof DialError && (error.refused ?? "credentials") === "credentials") {
        status = { ...known(status), state: "down", reason: error.message };
      }
      throw error;
    }
  };
  const dialAssociation = async (associate: () => Dialogue): Promise<Dialled> => {
    try {
      const dialled = await dial(associate());
      status = { ...status, udp: true };
      return dialled;
    } catch (error) {
      if (isRefusedCommand(error)) status = { ...status, udp: false };
      throw error;
    }
  };

  return {
    get status() {
      return status;
    },
    get localAddress() {
      return localAddress;
    },
    async connect() {
      const { associate } = protocol;
      const probe = associate === undefined ? dial(protocol.probe?.()) : dialAssociation(associate);
      // What it found is in the status.
      await probe.then(
        ({ socket }) => socket.destroy(),
        () => {},
      );
      return status;
    },
    disconnect() {
      isOver = true;
      for (const socket of open) socket.destroy();
    },
    async dialTcp(target) {
      const { socket, end } = await dial(protocol.connect(target));
      return { socket, early: end.rest };
    },
    async dialUdp(sink) {
      if (protocol.associate === undefined) throw new DialError("the proxy carries no UDP", "command");
      const { socket, end } = await dialAssociation(protocol.associate);
      return openUdpSession(socket, { host: server.address, port: end.bound?.port ?? 0 }, sink);
    },
  };
}

function known({ udp }: ProviderStatus): Pick<ProviderStatus, "udp"> {
  return udp === undefined ? {} : { udp };
}

function isRefusedCommand(error: unknown): boolean {
  return error instanceof DialError && error.refused !== undefined && error.refused !== "credentials";
}

function addressOf({ server, tls }: RelaySettings, ca: string | undefined): ProxyAddress {
  const at = { host: server.address, port: server.port };
  if (tls === undefined) return at;
  return { ...at, tls: { serverName: tls.serverName, ...(ca === undefined ? {} : { ca }) } };
}

function protocolOf({ protocol, username, password, udp }: RelaySettings): Protocol {
  const credentials = username === undefined || password === undefined ? undefined : { username, password };
  if (protocol === "http") return { connect: (target) => httpDialogue(target, credentials) };
  const login = credentials === undefined ? {} : { credentials };
  const ask = (command: "connect" | "udpAssociate" | "login", target: Target) =>
    socks5Dialogue({ command, target, ...login });
  return {
    connect: (target) => ask("connect", target),
    probe: () => ask("login", ANY),
    ...(udp ? { associate: () => ask("udpAssociate", ANY) } : {}),
  };
}

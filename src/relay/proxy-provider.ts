import type { Socket } from "node:net";
import type { RelaySettings } from "../model/relay/relay-settings.ts";
import { type Dialled, dialProxy, type ProxyAddress } from "./dial.ts";
import type { Dialogue, Target } from "./protocol/dialogue.ts";
import { httpDialogue } from "./protocol/http-dialogue.ts";
import { Socks5Dialogue } from "./protocol/socks5-dialogue.ts";
import { type DatagramSink, type Datagrams, DialError, type Provider, type ProviderStatus } from "./provider.ts";
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

/** The proxy of these settings, dialled anew for each connection. */
export class ProxyProvider implements Provider {
  readonly #at: ProxyAddress;
  readonly #protocol: Protocol;
  readonly #open = new Set<Socket>();
  #status: ProviderStatus;
  #localAddress: string | undefined;
  #isOver = false;

  /** @param ca the accepted authorities in PEM; Node's without it */
  constructor(settings: RelaySettings, ca?: string) {
    this.#at = addressOf(settings, ca);
    this.#protocol = protocolOf(settings);
    this.#status = { state: "unknown", ...(this.#protocol.associate === undefined ? { udp: false } : {}) };
  }

  get status(): ProviderStatus {
    return this.#status;
  }

  get localAddress(): string | undefined {
    return this.#localAddress;
  }

  async connect(): Promise<ProviderStatus> {
    const { associate, probe } = this.#protocol;
    const probed = associate === undefined ? this.#dial(probe?.()) : this.#dialAssociation(associate);
    // What it found is in the status.
    await probed.then(
      ({ socket }) => socket.destroy(),
      () => {},
    );
    return this.#status;
  }

  disconnect(): void {
    this.#isOver = true;
    for (const socket of this.#open) socket.destroy();
  }

  async dialTcp(target: Target): Promise<{ readonly socket: Socket; readonly early: Uint8Array }> {
    const { socket, end } = await this.#dial(this.#protocol.connect(target));
    return { socket, early: end.rest };
  }

  async dialUdp(sink: DatagramSink): Promise<Datagrams> {
    const { associate } = this.#protocol;
    if (associate === undefined) throw new DialError("the proxy carries no UDP", "command");
    const { socket, end } = await this.#dialAssociation(associate);
    return openUdpSession(socket, { host: this.#at.host, port: end.bound?.port ?? 0 }, sink);
  }

  async #dialAssociation(associate: () => Dialogue): Promise<Dialled> {
    try {
      const dialled = await this.#dial(associate());
      this.#status = { ...this.#status, udp: true };
      return dialled;
    } catch (error) {
      if (isRefusedCommand(error)) this.#status = { ...this.#status, udp: false };
      throw error;
    }
  }

  async #dial(dialogue: Dialogue | undefined): Promise<Dialled> {
    if (this.#isOver) throw new DialError("the relay ends");
    try {
      const dialled = await dialProxy(this.#at, dialogue, (latencyMs) => {
        this.#status = { ...known(this.#status), state: "up", latencyMs: Math.round(latencyMs * 10) / 10 };
      });
      this.#follow(dialled.socket);
      return dialled;
    } catch (error) {
      if (error instanceof DialError && (error.refused ?? "credentials") === "credentials") {
        this.#status = { ...known(this.#status), state: "down", reason: error.message };
      }
      throw error;
    }
  }

  #follow(socket: Socket): void {
    this.#localAddress = socket.localAddress;
    this.#open.add(socket);
    socket.once("close", () => this.#open.delete(socket));
  }
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
    new Socks5Dialogue({ command, target, ...login });
  return {
    connect: (target) => ask("connect", target),
    probe: () => ask("login", ANY),
    ...(udp ? { associate: () => ask("udpAssociate", ANY) } : {}),
  };
}

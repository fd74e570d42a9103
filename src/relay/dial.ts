import { createConnection, type Socket } from "node:net";
import { connect as connectTls } from "node:tls";
import type { Dialogue, Step } from "./protocol/dialogue.ts";
import { DialError } from "./provider.ts";

/** For the connection, TLS and the answer together. */
const DIAL_TIMEOUT_MS = 15_000;
/** Dead peers end after this and the kernel's repetitions. */
const KEEP_ALIVE_MS = 60_000;

/** Where the proxy is. */
export interface ProxyAddress {
  readonly host: string;
  readonly port: number;
  /** TLS to it, with the name that its certificate must have. */
  readonly tls?: { readonly serverName: string; readonly ca?: string };
}

/** A connection on which the dialogue is over. Reading is paused. */
export interface Dialled {
  readonly socket: Socket;
  readonly end: Extract<Step, { kind: "done" }>;
}

/**
 * Connects to the proxy and carries out the dialogue; without one the connection, with TLS, is enough.
 *
 * @param onAnswer called with the time to the first answer, also if the dialogue fails later
 * @throws DialError
 */
export function dialProxy(
  at: ProxyAddress,
  dialogue: Dialogue | undefined,
  onAnswer: (latencyMs: number) => void,
): Promise<Dialled> {
  const startedMs = performance.now();
  return new Promise((resolve, reject) => {
    let isAnswered = false;
    const answered = (): void => {
      if (!isAnswered) onAnswer(performance.now() - startedMs);
      isAnswered = true;
    };
    const socket = openSocket(at, () => {
      if (dialogue !== undefined) socket.write(dialogue.hello);
      else finish({ kind: "done", rest: new Uint8Array() });
    });
    const detach = (): void => {
      clearTimeout(timer);
      socket.off("data", onData).off("error", onError).off("close", onClose).off("end", onClose);
    };
    const finish = (end: Dialled["end"]): void => {
      answered();
      detach();
      socket.pause();
      resolve({ socket, end });
    };
    const fail = (error: DialError): void => {
      detach();
      socket.destroy();
      reject(error);
    };
    const onError = (error: NodeJS.ErrnoException): void => fail(new DialError(reasonOf(error)));
    const onClose = (): void => fail(new DialError("the proxy closed the connection"));
    const onData = (bytes: Uint8Array): void => {
      const step = dialogue?.receive(bytes) ?? { kind: "wait" };
      // A server that speaks something else has not answered as a proxy.
      if (step.kind !== "failed" || step.refused !== undefined) answered();
      if (step.kind === "send") socket.write(step.bytes);
      else if (step.kind === "failed") fail(new DialError(step.reason, step.refused));
      else if (step.kind === "done") finish(step);
    };
    const timer = setTimeout(() => fail(new DialError("the proxy does not answer")), DIAL_TIMEOUT_MS);
    // Also after the dialogue, until its next owner listens.
    socket.on("error", () => {});
    socket.on("data", onData).on("error", onError).on("close", onClose).on("end", onClose);
  });
}

/** The name of the server is never resolved here: the address is numeric. */
function openSocket({ host, port, tls }: ProxyAddress, onReady: () => void): Socket {
  const usual = {
    host,
    port,
    allowHalfOpen: true,
    noDelay: true,
    keepAlive: true,
    keepAliveInitialDelay: KEEP_ALIVE_MS,
  };
  if (tls === undefined) return createConnection(usual, onReady);
  const { serverName, ca } = tls;
  const trusted = ca === undefined ? {} : { ca };
  return connectTls({ ...usual, servername: serverName, ...trusted, ALPNProtocols: ["http/1.1"] }, onReady);
}

const REASONS: Readonly<Record<string, string>> = {
  ECONNREFUSED: "the proxy refuses connections",
  ECONNRESET: "the proxy closed the connection",
  EHOSTUNREACH: "no route to the proxy",
  ENETUNREACH: "no route to the proxy",
  ETIMEDOUT: "the proxy does not answer",
  CERT_HAS_EXPIRED: "the proxy's certificate has expired",
  ERR_TLS_CERT_ALTNAME_INVALID: "the proxy's certificate is for another name",
  DEPTH_ZERO_SELF_SIGNED_CERT: "the proxy's certificate is of an unknown authority",
  SELF_SIGNED_CERT_IN_CHAIN: "the proxy's certificate is of an unknown authority",
  UNABLE_TO_VERIFY_LEAF_SIGNATURE: "the proxy's certificate is of an unknown authority",
  UNABLE_TO_GET_ISSUER_CERT_LOCALLY: "the proxy's certificate is of an unknown authority",
};

function reasonOf({ code = "" }: NodeJS.ErrnoException): string {
  return REASONS[code] ?? `the connection to the proxy failed (${code === "" ? "unknown" : code})`;
}

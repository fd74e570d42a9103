import type { ClientRequest, IncomingMessage } from "node:http";
import { AnswerText, type StreamRequest, type Transport, type TransportRequest } from "./transport.ts";

/**
 * Reaches awg by the unix socket of `awg api`, in Node. The modules of Node are looked up when it is called, so that a
 * browser's bundle needs none.
 *
 * @throws TypeError outside of Node
 */
export function socketTransport(path: string): Transport {
  const builtin = globalThis.process?.getBuiltinModule;
  if (builtin === undefined) throw new TypeError("socket: only Node can connect to a unix socket; use url and token");
  const [http, fs, { dirname }] = [builtin("node:http"), builtin("node:fs"), builtin("node:path")];
  // Answers of one client seldom overlap: a spare connection or two are enough.
  const agent = new http.Agent({ keepAlive: true, maxFreeSockets: 2 });
  const send = async (
    { body, signal, ...head }: Outgoing,
    onHead: (message: IncomingMessage) => void,
    onBytes: (bytes: Uint8Array) => void,
  ): Promise<void> => {
    checkOwner(path, fs.statSync, dirname);
    const text = body === undefined ? undefined : JSON.stringify(body);
    const request = http.request({ agent, socketPath: path, ...head, ...(signal === undefined ? {} : { signal }) });
    request.end(text);
    await answerTo(request, onHead, onBytes);
  };
  return {
    request: async ({ method, path: target, body, signal }: TransportRequest) => {
      const answer = new AnswerText();
      let status = 0;
      const headers = { Host: "awg", ...(body === undefined ? {} : { "Content-Type": "application/json" }) };
      const onHead = ({ statusCode = 0 }: IncomingMessage): void => {
        status = statusCode;
      };
      await send({ method, path: target, headers, body, signal }, onHead, (bytes) => answer.push(bytes));
      return { status, text: answer.text };
    },
    stream: ({ path: target, headers, signal, onHead, onBytes }: StreamRequest) =>
      send(
        { method: "GET", path: target, headers: { Host: "awg", ...headers }, signal },
        ({ statusCode = 0, headers: { "content-type": type = "" } }) => onHead({ status: statusCode, type }),
        onBytes,
      ),
  };
}

interface Outgoing {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
  readonly signal: AbortSignal | undefined;
}

/** Resolves at the end of the answer; rejects where it is cut, or a callback throws. */
function answerTo(
  request: ClientRequest,
  onHead: (message: IncomingMessage) => void,
  onBytes: (bytes: Uint8Array) => void,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const attempt = (act: () => void): void => {
      try {
        act();
      } catch (error) {
        reject(error);
        request.destroy();
      }
    };
    request.once("error", reject);
    request.once("response", (message) => {
      attempt(() => onHead(message));
      message.on("data", (bytes: Uint8Array) => attempt(() => onBytes(bytes)));
      message.once("end", resolve);
      message.once("error", reject);
      message.once("close", () => reject(new Error("the answer was cut")));
    });
  });
}

type Stat = (path: string) => { readonly uid: number; readonly mode: number };

/** Who else could have put a socket in its place would get the questions, and answer them. */
function checkOwner(path: string, stat: Stat, dirname: (path: string) => string): void {
  const own = process.getuid?.();
  const isTrusted = (uid: number): boolean => uid === 0 || uid === own;
  const folder = stat(dirname(path));
  const isOpen = (folder.mode & 0o022) !== 0 && (folder.mode & 0o1000) === 0;
  if (!isTrusted(stat(path).uid) || !isTrusted(folder.uid) || isOpen) {
    throw new Error(`${path}: the socket and its folder must belong to root or to you, and no other may write there`);
  }
}

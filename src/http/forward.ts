import { request as ask, type IncomingMessage, type ServerResponse } from "node:http";
import { answerProblem, begin } from "./answers.ts";

/** Headers of a request that the other end needs. */
const PASSED = ["last-event-id", "content-type", "content-length"] as const;

/** Why a socket was not reached (connect(2), unix(7)): no permission, no such file, or nothing listens on it. */
const UNREACHED = ["EACCES", "ENOENT", "ECONNREFUSED"] as const;
export type Unreached = (typeof UNREACHED)[number];

/**
 * Passes a request on to the API's unix socket, and its answer back as it comes; streams go on until either end leaves.
 * Where the socket was not reached, nothing is answered yet, and the reason is returned.
 */
export function forward(
  request: IncomingMessage,
  response: ServerResponse,
  socketPath: string,
): Promise<Unreached | undefined> {
  const headers = Object.fromEntries(
    PASSED.flatMap((name) => (request.headers[name] === undefined ? [] : [[name, request.headers[name]]])),
  );
  return new Promise((resolve) => {
    const asked = ask({ socketPath, method: request.method, path: request.url, headers }, (answer) => {
      begin(response, answer.statusCode ?? 502, answer.headers["content-type"] ?? "application/json");
      answer.pipe(response);
    });
    asked.once("error", ({ code }: NodeJS.ErrnoException) => {
      const unreached = UNREACHED.find((one) => one === code);
      if (unreached !== undefined) resolve(unreached);
      else if (response.headersSent) response.destroy();
      else answerProblem(response, 503, "awg api ended the connection; try again");
    });
    response.once("close", () => {
      asked.destroy();
      resolve(undefined);
    });
    request.pipe(asked);
  });
}

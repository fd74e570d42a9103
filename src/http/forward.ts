import { request as ask, type IncomingMessage, type ServerResponse } from "node:http";
import { answerProblem, begin } from "./answers.ts";

/** Headers of a request that the other end needs. */
const PASSED = ["last-event-id", "content-type", "content-length"] as const;

/** Passes a request on to the API's unix socket, and its answer back as it comes; streams go on until either end leaves. */
export function forward(request: IncomingMessage, response: ServerResponse, socketPath: string): Promise<void> {
  const headers = Object.fromEntries(
    PASSED.flatMap((name) => (request.headers[name] === undefined ? [] : [[name, request.headers[name]]])),
  );
  return new Promise((resolve) => {
    const asked = ask({ socketPath, method: request.method, path: request.url, headers }, (answer) => {
      begin(response, answer.statusCode ?? 502, answer.headers["content-type"] ?? "application/json");
      answer.pipe(response);
    });
    asked.once("error", () => {
      if (response.headersSent) response.destroy();
      else
        answerProblem(response, 503, "awg api does not answer; start it: systemctl start awg-api.socket, or awg api");
    });
    response.once("close", () => {
      asked.destroy();
      resolve();
    });
    request.pipe(asked);
  });
}

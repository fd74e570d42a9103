import type { ServerResponse } from "node:http";

/** What every answer carries: nothing is kept, framed, sniffed or loaded from elsewhere. */
const HEADERS = {
  "Cache-Control": "no-store",
  "Content-Security-Policy":
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  "Cross-Origin-Opener-Policy": "same-origin",
  "Cross-Origin-Resource-Policy": "same-origin",
  "Referrer-Policy": "no-referrer",
  "X-Content-Type-Options": "nosniff",
} as const;

/** Begins an answer with the headers that all have. */
export function begin(response: ServerResponse, status: number, contentType: string): void {
  response.writeHead(status, { ...HEADERS, "Content-Type": contentType });
}

/** Answers with one JSON document. */
export function answerJson(response: ServerResponse, status: number, document: unknown): void {
  begin(response, status, "application/json");
  response.end(JSON.stringify(document));
}

/** Answers that the request is refused or failed, and why. */
export function answerProblem(response: ServerResponse, status: number, message: string, code = status): void {
  answerJson(response, status, { code, message });
}

/** Answers with text. */
export function answerText(response: ServerResponse, status: number, contentType: string, text: string): void {
  begin(response, status, contentType);
  response.end(text);
}

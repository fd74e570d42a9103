import type { IncomingMessage, ServerResponse } from "node:http";
import { begin } from "./answers.ts";
import type { DaemonFeed, FeedEvent } from "./daemon-feed.ts";

const HEARTBEAT_MS = 5_000;
/** Bytes that a client may leave unread before it is cut. */
const MAX_UNREAD_BYTES = 64 * 1024;

/** Texts of events that several clients get. */
const texts = new WeakMap<FeedEvent, string>();

/**
 * Answers `GET /api/events` (server-sent events, WHATWG HTML section 9.2): what was missed since `Last-Event-ID`, or the
 * present state, then each event until the client leaves.
 *
 * @param about what a snapshot has beside the feed's own
 */
export function streamEvents(
  request: IncomingMessage,
  response: ServerResponse,
  feed: DaemonFeed,
  about: Readonly<Record<string, unknown>>,
): void {
  const place = request.headers["last-event-id"];
  const missed = typeof place === "string" ? feed.after(place) : undefined;
  begin(response, 200, "text/event-stream");
  const send = (text: string): void => {
    response.write(text);
    if (response.writableLength > MAX_UNREAD_BYTES) response.destroy();
  };
  send("retry: 3000\n\n");
  let begun = missed !== undefined;
  for (const event of missed ?? []) send(textOf(event));
  const following = feed.follow((event) => {
    if (begun) send(textOf(event));
  });
  const sendSnapshot = (): void => {
    begun = true;
    send(textOf({ place: feed.place, name: "snapshot", data: { ...about, ...feed.last } }));
  };
  if (missed === undefined) {
    void feed.known.then(() => {
      if (!response.closed) sendSnapshot();
    });
  }
  const beat = setInterval(() => send(": heartbeat\n\n"), HEARTBEAT_MS);
  response.once("close", () => {
    clearInterval(beat);
    following[Symbol.dispose]();
  });
}

/** An event in the form of the stream. A status is also sent under the name `status`, for clients that know it so. */
function textOf(event: FeedEvent): string {
  const known = texts.get(event);
  if (known !== undefined) return known;
  const data = JSON.stringify(event.data);
  const one = (name: string): string => `id: ${event.place}\nevent: ${name}\ndata: ${data}\n\n`;
  const text = one(event.name) + (event.name === "vpn-status-changed" ? one("status") : "");
  texts.set(event, text);
  return text;
}

import type { AwgEvent } from "../../../src/client/awg-client.ts";
import { events } from "../store.ts";

/** What the daemon did since this page was opened. */
export function Events() {
  return (
    <>
      <h1>Events</h1>
      <p class="lead">What the daemon does, since this page was opened. awg events shows more.</p>
      {events.value.length === 0 ? <p class="line">Nothing yet.</p> : null}
      <ol class="events">
        {events.value.map((event) => (
          <li key={`${event.at} ${event.type}`}>
            <time>{event.at.slice(11, 19)}</time>
            <span class="type">{event.type}</span>
            <span>{detailOf(event)}</span>
          </li>
        ))}
      </ol>
    </>
  );
}

function detailOf({ type: _type, at: _at, ...fields }: AwgEvent): string {
  const parts = Object.values(fields).map((value) => (Array.isArray(value) ? value.join(", ") : String(value)));
  return parts.join(" · ").slice(0, 400);
}

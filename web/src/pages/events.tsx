import { eventLine } from "../event-text.ts";
import { events } from "../store.ts";
import { PageHead } from "./programs.tsx";

/** What the daemon did since this page was opened. */
export function Events() {
  return (
    <>
      <PageHead title="Events" lead="What the daemon does, since this page was opened. awg events shows more." />
      {events.value.length === 0 ? (
        <p class="empty">Nothing yet. The daemon looks at the host every 30 seconds, and whenever something changes.</p>
      ) : null}
      <ol class="events">
        {events.value.map((event) => {
          const { tone, title, detail } = eventLine(event);
          return (
            <li key={`${event.at} ${event.type}`}>
              <time dateTime={event.at}>{new Date(event.at).toLocaleTimeString("en-GB")}</time>
              <span class={`dot ${tone}`} aria-hidden="true" />
              <span class="type">{title}</span>
              <span class="detail">{detail}</span>
            </li>
          );
        })}
      </ol>
    </>
  );
}

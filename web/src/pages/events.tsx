import { useState } from "preact/hooks";
import { eventLine, notable } from "../event-text.ts";
import { events } from "../store.ts";
import { PageHead } from "./programs.tsx";

/** What the daemon did since this page was opened. */
export function Events() {
  const [withRoutine, setRoutine] = useState(false);
  const shown = withRoutine ? events.value : notable(events.value);
  return (
    <>
      <PageHead title="Events" lead="What the daemon does, since this page was opened. awg events shows more." />
      <label class="check">
        <input type="checkbox" checked={withRoutine} onChange={(event) => setRoutine(event.currentTarget.checked)} />
        Show checks that found nothing
      </label>
      {shown.length === 0 ? (
        <p class="empty">Nothing happened yet. The daemon checks the host whenever something changes.</p>
      ) : null}
      <ol class="events">
        {shown.map((event) => {
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

import { useState } from "preact/hooks";
import { eventLine, notable, timeText } from "../event-text.ts";
import { events, now } from "../store.ts";
import { PageHead } from "./programs.tsx";

/** What the daemon did: the events that it still has, and those since. */
export function Events() {
  const [withRoutine, setRoutine] = useState(false);
  const shown = withRoutine ? events.value : notable(events.value);
  return (
    <>
      <PageHead title="Events" lead="What the daemon did, the newest first." />
      <label class="check">
        <input type="checkbox" checked={withRoutine} onChange={(event) => setRoutine(event.currentTarget.checked)} />
        Show checks that found nothing
      </label>
      {shown.length === 0 ? (
        <p class="empty">Nothing happened since the daemon began. It checks the host when something changes.</p>
      ) : null}
      <ol class="events">
        {shown.map((event) => {
          const { tone, title, detail } = eventLine(event);
          return (
            <li key={`${event.at} ${event.type}`}>
              <time dateTime={event.at}>{timeText(event.at, now.value)}</time>
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

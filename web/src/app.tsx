import { render } from "preact";
import { attentionOf, isDismissed } from "./attention.ts";
import { Icon, type IconName, Shield } from "./icons.tsx";
import type { PageName } from "./page-names.ts";
import { Changes } from "./pages/changes.tsx";
import { Events } from "./pages/events.tsx";
import { Overview } from "./pages/overview.tsx";
import { Programs } from "./pages/programs.tsx";
import { Where } from "./pages/where.tsx";
import { page } from "./route.ts";
import { available, noActions, role, session, start, status } from "./store.ts";

const SHOWN: Readonly<Record<PageName, readonly [title: string, icon: IconName, content: () => preact.JSX.Element]>> = {
  overview: ["Overview", "overview", Overview],
  programs: ["Programs", "programs", Programs],
  changes: ["Changes", "changes", Changes],
  where: ["Where to?", "where", Where],
  events: ["Events", "events", Events],
};

function App() {
  if (session.value !== "open") return <Closed />;
  const [, , Page] = SHOWN[page.value];
  return (
    <>
      <button type="button" class="skip button" onClick={() => document.getElementById("content")?.focus()}>
        Skip to the content
      </button>
      <header class="top">
        <span class="brand">
          <Icon name="check" />
          awg
        </span>
        <nav aria-label="Pages">
          {Object.entries(SHOWN).map(([name, [title, icon]]) => (
            <a key={name} href={`#${name}`} aria-current={page.value === name ? "page" : undefined}>
              <Icon name={icon} />
              <span>{title}</span>
              {name === "changes" ? <Count /> : null}
            </a>
          ))}
        </nav>
        <Who />
      </header>
      <main id="content" tabIndex={-1}>
        <Page />
      </main>
    </>
  );
}

/** How many changes wait. */
function Count() {
  const attention = status.value === null ? undefined : attentionOf(status.value);
  if (attention === undefined || isDismissed(attention.id)) return null;
  return (
    <span class="count">
      {attention.count}
      <span class="hidden"> to look at</span>
    </span>
  );
}

function Who() {
  const who = noActions.value === undefined ? (role.value ?? "connected") : "read-only";
  const text = available.value ? who : "no daemon";
  return (
    <span class="who">
      <span class={`dot ${available.value ? "good" : "bad"}`} aria-hidden="true" />
      {text}
    </span>
  );
}

function Closed() {
  return (
    <main class="closed">
      <Shield tone="quiet" />
      <h1>{session.value === "opening" ? "Opening …" : "This page needs a new address"}</h1>
      {session.value === "opening" ? null : (
        <p>
          Run <code>awg ui</code> and open the address that it prints. It is good once, for a minute.
        </p>
      )}
    </main>
  );
}

const place = document.getElementById("app");
if (place !== null) render(<App />, place);
void start();

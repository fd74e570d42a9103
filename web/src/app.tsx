import { signal } from "@preact/signals";
import { render } from "preact";
import { Changes } from "./pages/changes.tsx";
import { Events } from "./pages/events.tsx";
import { Overview } from "./pages/overview.tsx";
import { Programs } from "./pages/programs.tsx";
import { Where } from "./pages/where.tsx";
import { available, role, session, start } from "./store.ts";

const PAGES = {
  overview: ["Overview", Overview],
  programs: ["Programs", Programs],
  changes: ["Changes", Changes],
  where: ["Where to?", Where],
  events: ["Events", Events],
} as const;

const page = signal<keyof typeof PAGES>("overview");

function App() {
  if (session.value !== "open") return <Closed />;
  const [, Page] = PAGES[page.value];
  return (
    <>
      <header class="top">
        <span class="brand">awg</span>
        <nav aria-label="Pages">
          {Object.entries(PAGES).map(([name, [title]]) => (
            <button
              type="button"
              key={name}
              aria-current={page.value === name ? "page" : undefined}
              onClick={() => {
                page.value = name as keyof typeof PAGES;
              }}
            >
              {title}
            </button>
          ))}
        </nav>
        <span class="who">
          <span class={`dot ${available.value ? "good" : "bad"}`} aria-hidden="true" />
          {available.value ? (role.value ?? "connected") : "no daemon"}
        </span>
      </header>
      <main>
        <Page />
      </main>
    </>
  );
}

function Closed() {
  return (
    <main class="closed">
      <h1>{session.value === "opening" ? "Opening …" : "This page needs a new address"}</h1>
      {session.value === "opening" ? null : (
        <p>Run awg ui and open the address that it prints. It is good once, for a minute.</p>
      )}
    </main>
  );
}

const place = document.getElementById("app");
if (place !== null) render(<App />, place);
void start();

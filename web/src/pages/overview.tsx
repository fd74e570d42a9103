import { useEffect } from "preact/hooks";
import { ActionButton, ViewerNote } from "../ask.tsx";
import { attentionOf, dismiss, isDismissed } from "../attention.ts";
import type { StatusDocument } from "../documents.ts";
import { Icon, Shield } from "../icons.tsx";
import { pathsOf } from "../paths.ts";
import { Picture } from "../picture.tsx";
import { programs, readPrograms } from "../programs.ts";
import { available, now, rates, role, status, statusAt } from "../store.ts";
import { Tunnel, TunnelDown } from "../tunnel-card.tsx";
import { daemonText, fallbackText, headlineOf, rateText, spanText, tunnelName, warningsOf } from "../words.ts";

/** Whether traffic is protected, each tunnel, and what the daemon does. */
export function Overview() {
  const document = status.value;
  const { tone, title, detail } = headlineOf(document, available.value);
  return (
    <>
      <section class={`hero ${tone}`} aria-live="polite">
        <Shield tone={tone} />
        <div class="says">
          <h1>{title}</h1>
          <p>{detail}</p>
        </div>
        {document === null || !available.value ? null : <Totals document={document} />}
      </section>
      {document === null ? null : <Present document={document} />}
    </>
  );
}

/** All tunnels together. */
function Totals({ document }: { readonly document: StatusDocument }) {
  const tunnels = document.resources.filter((one) => tunnelName(one) !== undefined);
  const up = tunnels.filter(({ tunnel }) => tunnel?.state === "connected" || tunnel?.state === "idle").length;
  const last = Object.values(rates.value.points).flatMap((points) => points.at(-1) ?? []);
  const sum = (of: "received" | "sent") => last.reduce((total, point) => total + point[of], 0);
  return (
    <dl class="totals">
      <div>
        <dt>Tunnels up</dt>
        <dd>
          {up} of {tunnels.length + document.down.length}
        </dd>
      </div>
      <div>
        <dt>Receiving</dt>
        <dd>{rateText(sum("received"))}</dd>
      </div>
      <div>
        <dt>Sending</dt>
        <dd>{rateText(sum("sent"))}</dd>
      </div>
    </dl>
  );
}

function Present({ document }: { readonly document: StatusDocument }) {
  const tunnels = document.resources.filter((one) => tunnelName(one) !== undefined);
  const wayOfPrograms = JSON.stringify([document.generation, document.down, document.fallback]);
  useEffect(() => void readPrograms(), [wayOfPrograms, role.value]);
  const paths = pathsOf(document, programs.value ?? []);
  return (
    <>
      <Notices document={document} />
      {paths.length === 0 ? null : (
        <>
          <h2>Where traffic goes</h2>
          <Picture paths={paths} hasPrograms={programs.value !== undefined} />
        </>
      )}
      <h2>Tunnels</h2>
      <div class="cards">
        {tunnels.map((one) => (
          <Tunnel key={one.key} resource={one} />
        ))}
        {document.down.map((name) => (
          <TunnelDown key={name} name={name} />
        ))}
        {tunnels.length + document.down.length === 0 ? <p class="note">No tunnel is declared.</p> : null}
      </div>
      <Host document={document} />
    </>
  );
}

function Notices({ document }: { readonly document: StatusDocument }) {
  const { awaitingConfirmation: trial, override, fallback, endsAtReboot } = document;
  const attention = attentionOf(document);
  const secondsSince = Math.max(0, now.value - statusAt.value) / 1_000;
  return (
    <>
      {trial === null ? null : (
        <section class="note warn" aria-label="On trial">
          <Icon name="alert" />
          <span>
            Generation {trial.generation} is on trial: it is undone in{" "}
            {Math.max(0, Math.round(trial.secondsLeft - secondsSince))} s unless you keep it.
          </span>
          <ActionButton action="confirm" kind="main">
            Keep it
          </ActionButton>
          <ActionButton action="revert">Undo it now</ActionButton>
        </section>
      )}
      {override === null || override === undefined ? null : (
        <section class="note warn" aria-label="For a time">
          <Icon name="pause" />
          <span>
            {OVERRIDES[override.what]} for {spanText((Date.parse(override.until) - now.value) / 1_000)}.
          </span>
          <ActionButton action={override.what === "up" ? "down" : "up"} kind="main">
            End it now
          </ActionButton>
        </section>
      )}
      {warningsOf(document).map((text) => (
        <p class="note bad" key={text}>
          <Icon name="alert" />
          <span>{text}</span>
        </p>
      ))}
      {fallback.map(fallbackText).map((text) => (
        <p class="note warn" key={text}>
          <Icon name="alert" />
          <span>{text}</span>
        </p>
      ))}
      {attention === undefined || isDismissed(attention.id) ? null : (
        <section class="note warn" aria-label="Changes">
          <Icon name="changes" />
          <span>{attention.text}</span>
          <span class="action">
            <a class="button main" href="#changes">
              See changes
            </a>
            <button type="button" class="button" onClick={() => dismiss(attention.id)}>
              Dismiss
            </button>
          </span>
        </section>
      )}
      {endsAtReboot ? (
        <p class="note warn">
          <Icon name="alert" />
          <span>A reboot ends this protection. awg install keeps it.</span>
        </p>
      ) : null}
      <ViewerNote />
    </>
  );
}

const OVERRIDES = { down: "Tunnels are down", up: "Tunnels are up", pause: "Traffic goes direct" } as const;

/** What the daemon does, and the rest of what awg keeps on this host. */
function Host({ document }: { readonly document: StatusDocument }) {
  const others = document.resources.filter((one) => tunnelName(one) === undefined);
  const wrong = others.filter(({ ready, drift }) => !ready || drift.length > 0).length;
  const isPaused = document.override?.what === "pause";
  return (
    <>
      <h2>This host</h2>
      <section class="card hostcard">
        <p class="line">{daemonText(document.daemon, now.value)}</p>
        <details open={wrong > 0}>
          <summary>
            {others.length} more {others.length === 1 ? "resource" : "resources"}
            {wrong === 0 ? ", all as declared" : `, ${wrong} not as declared`}
          </summary>
          <ul class="resources">
            {others.map(({ key, ready, drift, summary }) => (
              <li key={key}>
                <span class={`dot ${ready && drift.length === 0 ? "good" : "bad"}`} aria-hidden="true" />
                <span class="key">{key}</span>
                <span class="summary">{summary}</span>
              </li>
            ))}
          </ul>
        </details>
        {isPaused ? null : (
          <ActionButton action="pause" params={{ for: "10m" }} confirm="Let all traffic go direct for 10 minutes?">
            Pause for 10 min
          </ActionButton>
        )}
      </section>
    </>
  );
}

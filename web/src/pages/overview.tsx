import { ActionButton, ViewerNote } from "../ask.tsx";
import type { ResourceLine, StatusDocument } from "../documents.ts";
import { Plot } from "../plot.tsx";
import { available, now, rates, status } from "../store.ts";
import { bytesText, daemonText, headlineOf, spanText, tunnelName, tunnelText } from "../words.ts";

/** Whether traffic is protected, each tunnel, and what the daemon does. */
export function Overview() {
  const document = status.value;
  const { tone, title, detail } = headlineOf(document, available.value);
  return (
    <>
      <section class={`hero ${tone}`} aria-live="polite">
        <Shield tone={tone} />
        <div>
          <h1>{title}</h1>
          <p>{detail}</p>
        </div>
      </section>
      {document === null ? null : <Present document={document} />}
    </>
  );
}

function Present({ document }: { readonly document: StatusDocument }) {
  const tunnels = document.resources.filter((one) => tunnelName(one) !== undefined);
  const others = document.resources.filter((one) => tunnelName(one) === undefined);
  const drifted = document.resources.filter(({ drift }) => drift.length > 0);
  return (
    <>
      <Trial document={document} />
      {document.fallback.map(({ device, rules }) => (
        <p class="note warn" key={device}>
          {device} is down: {rules.join(", ")} go direct until it is up.
        </p>
      ))}
      {drifted.length === 0 ? null : (
        <p class="note warn">Another program changed {drifted.map(({ key }) => key).join(", ")}. See Changes.</p>
      )}
      <ViewerNote />
      <h2>Tunnels</h2>
      <div class="cards">
        {tunnels.map((one) => (
          <Tunnel key={one.key} resource={one} />
        ))}
        {document.down.map((name) => (
          <article class="card" key={name}>
            <header>
              <h3>{name}</h3>
              <span class="badge quiet">Down on request</span>
            </header>
            <ActionButton action="up" params={{ tunnel: name }} kind="main">
              Bring up
            </ActionButton>
          </article>
        ))}
        {tunnels.length + document.down.length === 0 ? <p class="note">No tunnel is declared.</p> : null}
      </div>
      <h2>This host</h2>
      <p class="line">{daemonText(document.daemon, now.value)}</p>
      {document.endsAtReboot ? <p class="line warn">A reboot ends this; awg install keeps it.</p> : null}
      <ul class="resources">
        {others.map(({ key, ready, drift, summary }) => (
          <li key={key}>
            <span class={`dot ${ready && drift.length === 0 ? "good" : "bad"}`} aria-hidden="true" />
            <span class="key">{key}</span>
            <span class="summary">{summary}</span>
          </li>
        ))}
      </ul>
    </>
  );
}

function Trial({ document: { awaitingConfirmation: trial } }: { readonly document: StatusDocument }) {
  if (trial === null) return null;
  return (
    <section class="note warn trial">
      <p>
        Generation {trial.generation} is on trial: it is undone in {Math.round(trial.secondsLeft)} s unless you keep it.
      </p>
      <ActionButton action="confirm" kind="main">
        Keep it
      </ActionButton>
      <ActionButton action="revert">Undo it now</ActionButton>
    </section>
  );
}

function Tunnel({ resource }: { readonly resource: ResourceLine }) {
  const name = tunnelName(resource) ?? resource.key;
  const { tunnel, ready } = resource;
  const tone = tunnel?.state === "connected" ? "good" : tunnel?.state === "idle" ? "quiet" : ready ? "good" : "bad";
  return (
    <article class="card">
      <header>
        <h3>{name}</h3>
        <span class={`badge ${tone}`}>{tunnelText(resource)}</span>
      </header>
      <Plot points={rates.value.points[name] ?? []} />
      {tunnel?.peers.map((peer) => (
        <dl key={peer.publicKey}>
          <dt>Server</dt>
          <dd>{peer.endpoint ?? "it connects to us"}</dd>
          <dt>Handshake</dt>
          <dd>{peer.handshakeAgeSeconds === null ? "none yet" : `${spanText(peer.handshakeAgeSeconds)} ago`}</dd>
          {peer.roundTripMs === null ? null : (
            <>
              <dt>Round trip</dt>
              <dd>{Math.round(peer.roundTripMs)} ms</dd>
            </>
          )}
          <dt>Moved</dt>
          <dd>
            {bytesText(peer.receivedBytes)} in, {bytesText(peer.sentBytes)} out
          </dd>
        </dl>
      ))}
      {tunnel === undefined ? <p class="line">{resource.summary}</p> : <p class="wire">{tunnel.wire}</p>}
      <ActionButton action="down" params={{ tunnel: name }} confirm={`Take ${name} down until you bring it up?`}>
        Take down
      </ActionButton>
    </article>
  );
}

function Shield({ tone }: { readonly tone: string }) {
  const sign = {
    good: "m12.500 20 5 5 10-10.500",
    warn: "M20 13v9m0 4.500v.5",
    bad: "m15 15 10 10m0-10L15 25",
    quiet: "M13 20h14",
  }[tone];
  return (
    <svg class="shield" viewBox="0 0 40 40" aria-hidden="true">
      <path class="body" d="M20 3 5 9v11c0 9 6.500 14.500 15 17 8.500-2.500 15-8 15-17V9z" />
      <path class="sign" d={sign} />
    </svg>
  );
}

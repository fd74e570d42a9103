import { ActionButton, FileLine } from "./ask.tsx";
import type { PeerLine, ResourceLine } from "./documents.ts";
import { tunnelTone } from "./paths.ts";
import { Plot } from "./plot.tsx";
import { rates, role } from "./store.ts";
import { bytesText, spanText, tunnelName, tunnelText } from "./words.ts";

/** A tunnel: its state, its rates, and each of its peers. */
export function Tunnel({ resource }: { readonly resource: ResourceLine }) {
  const name = tunnelName(resource) ?? resource.key;
  const { tunnel } = resource;
  const isSilent = tunnel?.state === "blocked" || tunnel?.state === "down";
  return (
    <article class="card">
      <header>
        <h3>{name}</h3>
        <span class={`badge ${tunnelTone(resource)}`}>{tunnelText(resource)}</span>
      </header>
      <Plot points={rates.value.points[name] ?? []} />
      {tunnel?.peers.map((peer) => (
        <Peer key={peer.publicKey} peer={peer} isSilent={isSilent} />
      ))}
      {tunnel === undefined ? <p class="line">{resource.summary}</p> : null}
      <footer>
        <span class="wire">{tunnel?.wire ?? ""}</span>
        <ActionButton action="down" params={{ tunnel: name }} confirm={`Take ${name} down until you bring it up?`}>
          Take down
        </ActionButton>
        {role.value === "viewer" ? (
          <FileLine of={{ entry: `tunnels/${name}`, key: "tunnels", text: `${name}:` }} />
        ) : null}
      </footer>
    </article>
  );
}

/** A tunnel that somebody took down. */
export function TunnelDown({ name }: { readonly name: string }) {
  return (
    <article class="card">
      <header>
        <h3>{name}</h3>
        <span class="badge quiet">Down on request</span>
      </header>
      <p class="line">Its traffic takes the fallback that its rules declare.</p>
      <footer>
        <ActionButton action="up" params={{ tunnel: name }} kind="main">
          Bring up
        </ActionButton>
      </footer>
    </article>
  );
}

function Peer({
  peer,
  isSilent,
}: {
  readonly peer: PeerLine;
  /** Whether no peer answers: what was measured before says nothing of now. */
  readonly isSilent: boolean;
}) {
  const { endpoint, handshakeAgeSeconds, roundTripMs, receivedBytes, sentBytes } = peer;
  const { messagesExpected, messagesLost } = peer;
  const hasLoss = typeof messagesExpected === "number" && messagesExpected > 0 && typeof messagesLost === "number";
  return (
    <dl class="facts">
      <dt>Server</dt>
      <dd>{endpoint ?? "it connects to us"}</dd>
      <dt>Handshake</dt>
      <dd>{handshakeAgeSeconds === null ? "none yet" : `${spanText(handshakeAgeSeconds)} ago`}</dd>
      {roundTripMs === null || isSilent ? null : (
        <>
          <dt>Round trip</dt>
          <dd>
            {Math.round(roundTripMs)} ms
            {hasLoss ? `, ${((100 * messagesLost) / messagesExpected).toFixed(1)} % lost` : ""}
          </dd>
        </>
      )}
      <dt>Moved</dt>
      <dd>
        {bytesText(receivedBytes)} in, {bytesText(sentBytes)} out
      </dd>
    </dl>
  );
}

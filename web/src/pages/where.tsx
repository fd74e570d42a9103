import { useState } from "preact/hooks";
import type { Explanation } from "../documents.ts";
import { run } from "../store.ts";
import { sentence } from "../words.ts";

/** Where a flow to a typed host would go, and why. */
export function Where() {
  const [destination, setDestination] = useState("");
  const [program, setProgram] = useState("");
  const [found, setFound] = useState<{ readonly to: string; readonly explanation: Explanation }>();
  const [failure, setFailure] = useState<string>();
  const [isBusy, setBusy] = useState(false);
  const ask = async () => {
    setBusy(true);
    setFound(undefined);
    setFailure(undefined);
    const params = { destination, ...(program === "" ? {} : { program }) };
    const { code, message, data } = await run("explain", params);
    setBusy(false);
    const explanation = data as Explanation | undefined;
    if (explanation?.declared === undefined) setFailure(message ?? `awg explain ended with ${code}`);
    else setFound({ to: destination, explanation });
  };
  return (
    <>
      <h1>Where would it go?</h1>
      <p class="lead">Type an address and see its path, by the config and by the kernel. Nothing is sent.</p>
      <form
        class="bar"
        onSubmit={(event) => {
          event.preventDefault();
          void ask();
        }}
      >
        <label>
          <span>Address</span>
          <input
            required
            placeholder="1.1.1.1:443"
            value={destination}
            onInput={(event) => setDestination(event.currentTarget.value)}
          />
        </label>
        <label>
          <span>Program (optional)</span>
          <input
            placeholder="/usr/bin/curl"
            value={program}
            onInput={(event) => setProgram(event.currentTarget.value)}
          />
        </label>
        <button type="submit" class="button main" disabled={isBusy}>
          {isBusy ? "Asking …" : "Show"}
        </button>
      </form>
      {failure === undefined ? null : (
        <p class="failure" role="alert">
          {sentence(failure)}
        </p>
      )}
      {found === undefined ? null : <Path {...found} />}
    </>
  );
}

function Path({ to, explanation }: { readonly to: string; readonly explanation: Explanation }) {
  const { declared, live, agree, disagreements, notes } = explanation;
  const dropped = declared.verdict !== "accept";
  return (
    <section class="answer" aria-live="polite">
      <ol class="hops">
        <li>this host</li>
        <li class={dropped ? "bad" : "good"}>{dropped ? "dropped" : declared.path}</li>
        <li>{to}</li>
      </ol>
      <p class="line">
        {dropped ? "It is dropped" : `It goes by ${declared.path}`}
        {declared.reason === "" ? "." : `, by rule ${declared.reason}.`}
      </p>
      <p class={`note ${agree ? "good" : "bad"}`}>
        {agree
          ? "Config and kernel agree."
          : `The kernel differs${live === null ? "" : `: ${live.path}`}. ${disagreements.join(" ")}`}
      </p>
      {notes.map((note) => (
        <p class="line" key={note}>
          {sentence(note)}
        </p>
      ))}
    </section>
  );
}

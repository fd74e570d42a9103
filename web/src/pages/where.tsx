import { useEffect, useState } from "preact/hooks";
import { AdminOnly, Failure, FileLine } from "../ask.tsx";
import type { Explanation } from "../documents.ts";
import { Icon } from "../icons.tsx";
import { programs, readPrograms, refused } from "../programs.ts";
import { role, run, status } from "../store.ts";
import { configEntry, ruleText, sentence, tunnelName } from "../words.ts";
import { PageHead } from "./programs.tsx";

/** Paths of programs that the field offers. */
const OFFERED = 100;

interface Found {
  readonly to: string;
  readonly program: string;
  readonly explanation: Explanation;
}

/** Where a flow to a typed host would go, and why. */
export function Where() {
  return (
    <>
      <PageHead
        title="Where would it go?"
        lead="Type a host and see its path, by the config and by the kernel. Nothing is sent to it."
      />
      {refused.value ? <AdminOnly words="awg explain 1.1.1.1:443" /> : <Ask />}
    </>
  );
}

function Ask() {
  const [destination, setDestination] = useState("");
  const [program, setProgram] = useState("");
  const [found, setFound] = useState<Found>();
  const [failure, setFailure] = useState<string>();
  const [isBusy, setBusy] = useState(false);
  const [resolve, setResolve] = useState(false);
  useEffect(() => void readPrograms(), [role.value]);
  const ask = async () => {
    setBusy(true);
    setFound(undefined);
    setFailure(undefined);
    const params = { destination, resolve: `${resolve}`, ...(program === "" ? {} : { program }) };
    const { code, message, data } = await run("explain", params);
    setBusy(false);
    const explanation = data as Explanation | undefined;
    if (explanation?.declared === undefined) setFailure(message ?? `awg explain ended with ${code}`);
    else setFound({ to: destination, program, explanation });
  };
  const offered = [...new Set((programs.value ?? []).flatMap(({ path }) => path ?? []))].toSorted().slice(0, OFFERED);
  return (
    <>
      <form
        class="bar card"
        onSubmit={(event) => {
          event.preventDefault();
          void ask();
        }}
      >
        <label>
          <span>Address or name</span>
          <input
            required
            placeholder="1.1.1.1:443"
            autocomplete="off"
            value={destination}
            onInput={(event) => setDestination(event.currentTarget.value)}
          />
        </label>
        <label>
          <span>Program (optional)</span>
          <input
            placeholder="/usr/bin/curl"
            list="running"
            value={program}
            onInput={(event) => setProgram(event.currentTarget.value)}
          />
        </label>
        <datalist id="running">
          {offered.map((path) => (
            <option key={path} value={path} />
          ))}
        </datalist>
        <label class="check">
          <input type="checkbox" checked={resolve} onChange={(event) => setResolve(event.currentTarget.checked)} />
          Look the name up (sends a query)
        </label>
        <p class="hint">
          An address or name is needed: rules choose by it, too. <a href="#programs">Programs</a> shows where a
          program's other traffic goes.
        </p>
        <button type="submit" class="button main" disabled={isBusy}>
          {isBusy ? "Asking …" : "Show"}
        </button>
      </form>
      {failure === undefined ? null : <Failure text={failure} />}
      {found === undefined ? null : found.explanation.undecided ? (
        <Undecided {...found.explanation.undecided} />
      ) : (
        <Path {...found} />
      )}
    </>
  );
}

/** Each rule that may decide, with its path. */
function Undecided({ why, possible }: NonNullable<Explanation["undecided"]>) {
  return (
    <section class="card answer" aria-live="polite">
      <p class="note bad">
        <Icon name="alert" />
        <span>{sentence(why)}</span>
      </p>
      <dl class="facts">
        {possible.map(({ declared: { reason, verdict, path } }) => (
          <>
            <dt>{ruleText(reason)}</dt>
            <dd>{verdict === "accept" ? pathName(path) : `dropped on ${pathName(path)}`}</dd>
          </>
        ))}
      </dl>
    </section>
  );
}

function Path({ to, program, explanation }: Found) {
  const { declared, live, agree, disagreements, notes, fallback, dns } = explanation;
  const dropped = declared.verdict !== "accept";
  const path = pathName(declared.path);
  const tone = dropped ? "bad" : path === "direct" ? "warn" : "good";
  return (
    <section class="card answer" aria-live="polite">
      <ol class="hops">
        <li>
          <Icon name={program === "" ? "host" : "programs"} />
          <span>{program === "" ? "this host" : (program.split("/").at(-1) ?? program)}</span>
        </li>
        <li class={tone}>
          <Icon name={dropped ? "block" : path === "direct" ? "globe" : "server"} />
          <span>{dropped ? "dropped" : path}</span>
        </li>
        <li class={dropped ? "cut" : ""}>
          <Icon name="globe" />
          <span>{to}</span>
        </li>
      </ol>
      <dl class="facts">
        <dt>Path</dt>
        <dd>{dropped ? `dropped on ${path}` : path}</dd>
        {declared.reason === "" ? null : (
          <>
            <dt>Decided by</dt>
            <dd>
              {ruleText(declared.reason)} <FileLine of={configEntry(declared.reason)} withFile />
            </dd>
          </>
        )}
        {declared.device === undefined || declared.device === null ? null : (
          <>
            <dt>Device</dt>
            <dd>{declared.device}</dd>
          </>
        )}
        {fallback === null || fallback === undefined ? null : (
          <>
            <dt>If it is down</dt>
            <dd>
              {pathName(fallback.path)}
              {fallback.inForce ? ", in force now" : ""}
            </dd>
          </>
        )}
        {dns === null || dns === undefined ? null : (
          <>
            <dt>Name server</dt>
            <dd>
              {dns.server} by {pathName(dns.path)}
            </dd>
          </>
        )}
      </dl>
      <p class={`note ${agree ? "good" : "bad"}`}>
        <Icon name={agree ? "check" : "alert"} />
        <span>
          {agree
            ? "Config and kernel agree."
            : `The kernel differs${live === null ? "" : `: ${pathName(live.path)}`}. ${disagreements.join(" ")}`}
        </span>
      </p>
      {notes.map((note) => (
        <p class="line" key={note}>
          {sentence(note)}
        </p>
      ))}
    </section>
  );
}

/** The name of the tunnel whose device this is; the path itself if it is none's. */
function pathName(path: string): string {
  const names = (status.value?.resources ?? []).flatMap((one) => tunnelName(one) ?? []);
  return names.find((name) => path === `awg-${name}`) ?? path;
}

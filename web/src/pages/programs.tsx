import { useEffect, useState } from "preact/hooks";
import type { ProgramLine } from "../documents.ts";
import { type ProgramGroup, programGroups } from "../program-groups.ts";
import { run } from "../store.ts";

/** Each running program with the path that it takes and the rule that decides. */
export function Programs() {
  const [programs, setPrograms] = useState<readonly ProgramLine[]>();
  const [failure, setFailure] = useState<string>();
  const [wanted, setWanted] = useState("");
  const read = async () => {
    const { code, message, data } = await run("ps");
    if (code !== 0) setFailure(message ?? `awg ps ended with ${code}`);
    else {
      setFailure(undefined);
      setPrograms((data as { readonly programs: readonly ProgramLine[] }).programs);
    }
  };
  useEffect(() => void read(), []);
  const shown = programGroups(programs ?? []).filter(({ name, path }) =>
    `${name} ${path}`.toLowerCase().includes(wanted.toLowerCase()),
  );
  return (
    <>
      <h1>Programs</h1>
      <p class="lead">Where each program's traffic goes, and the rule that decides.</p>
      <div class="bar">
        <input
          type="search"
          placeholder="Find a program"
          aria-label="Find a program"
          value={wanted}
          onInput={(event) => setWanted(event.currentTarget.value)}
        />
        <button type="button" class="button" onClick={() => void read()}>
          Read again
        </button>
      </div>
      {failure === undefined ? null : (
        <p class="failure" role="alert">
          {failure}
        </p>
      )}
      {programs === undefined && failure === undefined ? <p class="line">Reading …</p> : null}
      <ul class="programs">
        {shown.slice(0, 200).map((program) => (
          <Program key={program.pids[0]} program={program} />
        ))}
      </ul>
      {shown.length > 200 ? <p class="line">{shown.length - 200} more; type a name to find one.</p> : null}
    </>
  );
}

function Program({ program: { pids, name, path, user, sockets, rule, perhaps } }: { readonly program: ProgramGroup }) {
  return (
    <li>
      <div>
        <strong>{name}</strong>
        <span class="path">{path ?? "its file cannot be read"}</span>
      </div>
      <span class="who">
        {user ?? "?"} · {pids.length === 1 ? pids[0] : `${pids.length} processes`}
        {sockets === 0 ? "" : ` · ${sockets} ${sockets === 1 ? "socket" : "sockets"}`}
      </span>
      <span class="goes">
        {rule === null ? (
          <span class="badge quiet">no rules</span>
        ) : (
          <>
            <span class={`badge ${rule.via === "direct" ? "warn" : rule.via === "block" ? "bad" : "good"}`}>
              {rule.via}
            </span>
            <span class="rule">
              {rule.origin}
              {perhaps.length === 0 ? "" : `; some traffic: ${perhaps.join(", ")}`}
            </span>
          </>
        )}
      </span>
    </li>
  );
}

import { useEffect, useState } from "preact/hooks";
import { AdminOnly, Failure, FileLine, ViewerNote } from "../ask.tsx";
import { type ProgramGroup, programGroups } from "../program-groups.ts";
import { programs, programsFailure, readPrograms, refused } from "../programs.ts";
import { role } from "../store.ts";
import { configEntry, ruleText, viaTone } from "../words.ts";

const MOST = 200;

/** Each running program with the path that it takes and the rule that decides. */
export function Programs() {
  useEffect(() => void readPrograms(), [role.value]);
  return (
    <>
      <PageHead title="Programs" lead="Where each program's traffic goes, and the rule that decides." />
      <ViewerNote />
      {refused.value ? <AdminOnly words="awg ps" /> : <ProgramList />}
    </>
  );
}

function ProgramList() {
  const [wanted, setWanted] = useState("");
  const [via, setVia] = useState<string>();
  const groups = programGroups(programs.value ?? []);
  const found = groups.filter(({ name, path }) => `${name} ${path}`.toLowerCase().includes(wanted.toLowerCase()));
  const shown = found.filter((group) => via === undefined || pathsOf(group).includes(via));
  const paths = [...new Set(groups.flatMap(pathsOf))];
  return (
    <>
      <div class="bar">
        <input
          type="search"
          placeholder="Find a program"
          aria-label="Find a program"
          value={wanted}
          onInput={(event) => setWanted(event.currentTarget.value)}
        />
        <fieldset class="filters">
          <legend class="hidden">Path</legend>
          {[undefined, ...paths].map((one) => (
            <button type="button" key={one ?? ""} class="filter" aria-pressed={via === one} onClick={() => setVia(one)}>
              {one ?? "all"}{" "}
              <span>{found.filter((group) => one === undefined || pathsOf(group).includes(one)).length}</span>
            </button>
          ))}
        </fieldset>
        <button type="button" class="button" onClick={() => void readPrograms()}>
          Read again
        </button>
      </div>
      {programsFailure.value === undefined ? null : <Failure text={programsFailure.value} />}
      {programs.value === undefined && programsFailure.value === undefined ? <p class="empty">Reading …</p> : null}
      <ul class="programs">
        {shown.slice(0, MOST).map((program) => (
          <Program key={program.pids[0]} program={program} />
        ))}
      </ul>
      {programs.value !== undefined && shown.length === 0 ? <p class="line">No program matches.</p> : null}
      {shown.length > MOST ? <p class="line">{shown.length - MOST} more; type a name to find one.</p> : null}
    </>
  );
}

/** Title and first line of a page. */
export function PageHead({ title, lead }: { readonly title: string; readonly lead: string }) {
  return (
    <header class="pagehead">
      <h1>{title}</h1>
      <p class="lead">{lead}</p>
    </header>
  );
}

const pathsOf = ({ rule, perhaps }: ProgramGroup): readonly string[] => [rule?.via ?? "no rule", ...perhaps];

function Program({ program: { pids, name, path, user, sockets, rule, perhaps } }: { readonly program: ProgramGroup }) {
  return (
    <li>
      <span class="letter" aria-hidden="true">
        {name.charAt(0).toUpperCase()}
      </span>
      <div>
        <strong>{name}</strong>
        <span class="path">{path ?? "its file cannot be read"}</span>
      </div>
      <span class="by">
        {user ?? "unknown user"} · {pids.length === 1 ? `process ${pids[0]}` : `${pids.length} processes`}
        {sockets === 0 ? "" : ` · ${sockets} ${sockets === 1 ? "socket" : "sockets"}`}
      </span>
      <span class="goes">
        {rule === null ? (
          <span class="badge quiet">no rule</span>
        ) : (
          <>
            <span class="badges">
              <span class={`badge ${viaTone(rule.via)}`}>{rule.via}</span>
              {perhaps.map((via) => (
                <span class={`badge ${viaTone(via)}`} key={via}>
                  some {via}
                </span>
              ))}
            </span>
            <span class="rule">
              {configEntry(rule.origin) === undefined ? (
                ruleText(rule.origin)
              ) : (
                <FileLine of={configEntry(rule.origin)} />
              )}
              {rule.enforcement === "enforced" ? "" : `, ${rule.enforcement}`}
            </span>
          </>
        )}
      </span>
    </li>
  );
}

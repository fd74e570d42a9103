import { useEffect, useState } from "preact/hooks";
import { ActionButton, configFiles, Failure, ViewerNote } from "../ask.tsx";
import { attentionOf, dismiss, isDismissed, showAgain } from "../attention.ts";
import { configChanges } from "../config-changes.ts";
import { ConfigLines, Diff } from "../diff.tsx";
import type { DriftDocument, PlanDocument } from "../documents.ts";
import { Icon } from "../icons.tsx";
import { role, run, status } from "../store.ts";
import { sentence, viaTone } from "../words.ts";
import { PageHead } from "./programs.tsx";

/** What an apply of the config would do, and what others changed. */
export function Changes() {
  const [plan, setPlan] = useState<PlanDocument>();
  const [drift, setDrift] = useState<DriftDocument>();
  const [failure, setFailure] = useState<string>();
  const isAdmin = role.value === "admin";
  const read = async () => {
    setPlan(undefined);
    setFailure(undefined);
    if (!isAdmin) return;
    const asked = await run("drift");
    if (asked.data !== undefined) setDrift(asked.data as DriftDocument);
    else setFailure(asked.message ?? `awg drift ended with ${asked.code}`);
    const answer = await run("plan");
    if (answer.code === 0) setPlan(answer.data as PlanDocument);
    else setFailure(answer.message ?? `awg plan ended with ${answer.code}`);
  };
  useEffect(() => void read(), [isAdmin, status.value?.generation]);
  return (
    <>
      <PageHead title="Changes" lead="What the config asks for and the host does not have yet." />
      <ViewerNote />
      <div class="heading">
        <h2>Config, not applied</h2>
        {isAdmin ? (
          <button type="button" class="button" onClick={() => void read()}>
            Read again
          </button>
        ) : null}
      </div>
      {failure === undefined ? null : <Failure text={sentence(failure)} />}
      {isAdmin ? null : <ViewerPlan />}
      {isAdmin && plan === undefined && failure === undefined ? <p class="empty">Planning …</p> : null}
      {plan === undefined ? null : <Plan plan={plan} onApplied={() => void read()} />}
      <div class="heading">
        <h2>Changed by others</h2>
      </div>
      {isAdmin && drift === undefined ? (
        <p class="empty">Reading …</p>
      ) : (
        <Drift drift={drift?.drift ?? driftOfStatus()} />
      )}
    </>
  );
}

function Drift({ drift }: { readonly drift: DriftDocument["drift"] }) {
  if (drift.length === 0) return <p class="empty">Nothing: the host is as it was applied.</p>;
  const id = JSON.stringify(["drift", drift.map(({ key, change }) => `${change} ${key}`)]);
  return (
    <Dismissable id={id}>
      <Diff steps={drift.map(driftStep)} />
      <div class="actions">
        <ActionButton action="apply" kind="main" confirm="Put the host back to the config?">
          Put it back
        </ActionButton>
        <Dismiss id={id} />
      </div>
    </Dismissable>
  );
}

/** What a person may put away until it changes. */
function Dismissable({ id, children }: { readonly id: string; readonly children: preact.ComponentChildren }) {
  if (!isDismissed(id)) return <>{children}</>;
  return (
    <p class="empty">
      Dismissed until something changes.{" "}
      <button type="button" class="button" onClick={() => showAgain(id)}>
        Show again
      </button>
    </p>
  );
}

/** Puts it away, here and on the Overview. Only an admin sees it. */
function Dismiss({ id }: { readonly id: string }) {
  const attention = status.value === null ? undefined : attentionOf(status.value);
  if (role.value !== "admin") return null;
  return (
    <button
      type="button"
      class="button"
      onClick={() => {
        dismiss(id);
        if (attention !== undefined) dismiss(attention.id);
      }}
    >
      Dismiss
    </button>
  );
}

/** What the status knows of it: all that a viewer gets. */
function driftOfStatus(): DriftDocument["drift"] {
  const drifted = (status.value?.resources ?? []).filter(({ drift }) => drift.length > 0);
  return drifted.map(({ key, drift }) => ({ key, fields: drift }));
}

/** A plan reads secrets and every file, so a viewer learns only that there is one. */
function ViewerPlan() {
  const differs = status.value?.daemon?.filesNotApplied === true;
  return (
    <p class="empty">
      {differs ? "The config file is not applied. " : "The config file is applied. "}
      An admin sees the plan: <code>sudo awg plan -f {configFiles()}</code>
    </p>
  );
}

function Plan({ plan, onApplied }: { readonly plan: PlanDocument; readonly onApplied: () => void }) {
  if (plan.inSync) {
    return (
      <p class="empty good">
        <Icon name="check" /> The host is as the config says. There is nothing to do.
      </p>
    );
  }
  const id = JSON.stringify([plan.configHash, plan.steps.map(({ key, action }) => `${action} ${key}`)]);
  const changes = configChanges(plan);
  const count = changes.length === 0 ? plan.steps.length : changes.length;
  return (
    <Dismissable id={id}>
      {changes.length === 0 ? null : <ConfigLines changes={changes} />}
      <Affected plan={plan} />
      {plan.notes
        .filter(({ isWarning }) => isWarning === true)
        .map(({ path, message }) => (
          <p class="note warn" key={path + message}>
            <Icon name="alert" />
            <span>
              {path}: {message}
            </span>
          </p>
        ))}
      <p class="line quiet">{sentence(plan.traffic)}</p>
      <details class="whole" open={changes.length === 0}>
        <summary>
          {plan.steps.length === 1 ? "The step" : `All ${plan.steps.length} steps`} on this host, as awg plan shows them
        </summary>
        <Diff steps={plan.steps} />
      </details>
      <div class="actions">
        <ActionButton
          action="apply"
          kind="main"
          confirm={`Apply ${count} ${count === 1 ? "change" : "changes"} to this host?`}
          onDone={onApplied}
        >
          Apply
        </ActionButton>
        <Dismiss id={id} />
      </div>
    </Dismissable>
  );
}

/** Programs and open connections that take another path afterwards. */
function Affected({ plan: { affected } }: { readonly plan: PlanDocument }) {
  const { flows = [], programs = [], more = 0 } = affected ?? {};
  const silent = programs.filter(({ pid }) => flows.every((flow) => flow.pid !== pid));
  const rows = new Map(
    [
      ...flows.map((flow) => ({ ...flow, about: `${flow.destination} port ${flow.port}` })),
      ...silent.map((program) => ({ ...program, about: "no open connection" })),
    ].map((row) => [`${row.program} ${row.about} ${row.from} ${row.to}`, row]),
  );
  if (rows.size === 0) return null;
  return (
    <>
      <h3 class="sub">{flows.length === 0 ? "Programs" : "Open connections"} that change their path</h3>
      <ul class="flows">
        {[...rows].map(([key, { program, about, from, to }]) => (
          <li key={key}>
            <strong>{program.split("/").at(-1)}</strong>
            <span class="reason">{about}</span>
            <span>
              {from} → <span class={`badge ${viaTone(to)}`}>{to}</span>
            </span>
          </li>
        ))}
      </ul>
      {more > 0 ? <p class="line quiet">and {more} more</p> : null}
    </>
  );
}

const WORDS = { gone: "delete", changed: "update", extra: "create" } as const;

function driftStep({ key, change = "changed", cause, fields = [] }: DriftDocument["drift"][number]) {
  const who = cause === undefined || cause === "unknown" ? "another program changed it" : cause.replaceAll("-", " ");
  return { key, action: WORDS[change], reason: who, changes: fields };
}

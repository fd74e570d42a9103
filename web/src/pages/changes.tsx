import { useEffect, useState } from "preact/hooks";
import { ActionButton, ViewerNote } from "../ask.tsx";
import type { FieldChange, PlanDocument, PlanStep } from "../documents.ts";
import { role, run } from "../store.ts";
import { sentence, valueText } from "../words.ts";

interface DriftDocument {
  readonly drifted: boolean;
  readonly drift: readonly {
    readonly key: string;
    readonly fields?: readonly FieldChange[];
    readonly changes?: readonly FieldChange[];
  }[];
}

/** What an apply of the config would do, and what others changed. */
export function Changes() {
  const [plan, setPlan] = useState<PlanDocument>();
  const [drift, setDrift] = useState<DriftDocument>();
  const [failure, setFailure] = useState<string>();
  const isAdmin = role.value === "admin";
  const read = async () => {
    setPlan(undefined);
    setFailure(undefined);
    const asked = await run("drift");
    if (asked.code === 0) setDrift(asked.data as DriftDocument);
    if (!isAdmin) return;
    const answer = await run("plan");
    if (answer.code === 0) setPlan(answer.data as PlanDocument);
    else setFailure(answer.message ?? `awg plan ended with ${answer.code}`);
  };
  useEffect(() => void read(), [isAdmin]);
  return (
    <>
      <h1>Changes</h1>
      <p class="lead">What the config asks for and the host does not have yet.</p>
      <ViewerNote />
      <div class="bar">
        <button type="button" class="button" onClick={() => void read()}>
          Read again
        </button>
      </div>
      {failure === undefined ? null : (
        <p class="failure" role="alert">
          {sentence(failure)}
        </p>
      )}
      {isAdmin && plan === undefined && failure === undefined ? <p class="line">Planning …</p> : null}
      {plan === undefined ? null : <Plan plan={plan} onApplied={() => void read()} />}
      <h2>Changed by others</h2>
      {drift === undefined ? null : drift.drifted ? (
        <ul class="steps">
          {drift.drift.map(({ key, fields, changes }) => (
            <Step
              key={key}
              step={{ key, action: "update", reason: "another program changed it", changes: fields ?? changes ?? [] }}
            />
          ))}
        </ul>
      ) : (
        <p class="line">Nothing: the host is as it was applied.</p>
      )}
    </>
  );
}

function Plan({ plan, onApplied }: { readonly plan: PlanDocument; readonly onApplied: () => void }) {
  if (plan.inSync) return <p class="note good">The host is as the config says. There is nothing to do.</p>;
  return (
    <>
      <ul class="steps">
        {plan.steps.map((step, index) => (
          <Step key={`${step.key} ${index}`} step={step} />
        ))}
      </ul>
      {plan.notes
        .filter(({ isWarning }) => isWarning === true)
        .map(({ path, message }) => (
          <p class="note warn" key={path + message}>
            {path}: {message}
          </p>
        ))}
      <p class="line">{sentence(plan.traffic)}</p>
      <ActionButton
        action="apply"
        kind="main"
        confirm={`Apply ${plan.steps.length} ${plan.steps.length === 1 ? "change" : "changes"} to this host?`}
        onDone={onApplied}
      >
        Apply
      </ActionButton>
    </>
  );
}

const SIGNS: Readonly<Record<string, string>> = {
  create: "+",
  update: "~",
  delete: "−",
  replace: "±",
  adopt: "@",
  forget: ".",
};

function Step({ step: { key, action, reason, changes } }: { readonly step: PlanStep }) {
  return (
    <li class={`step ${action}`}>
      <p>
        <span class="sign" aria-hidden="true">
          {SIGNS[action] ?? "~"}
        </span>
        <strong>{key}</strong> <span class="reason">{reason === "" ? action : reason}</span>
      </p>
      {changes.slice(0, 12).map((change) => (
        <p class="change" key={change.field}>
          <span class="field">{change.field.replaceAll("/", " ").trim()}</span> {changeText(change)}
        </p>
      ))}
      {changes.length > 12 ? <p class="change">and {changes.length - 12} more fields</p> : null}
    </li>
  );
}

function changeText({ before, after, secret, added, removed }: FieldChange): string {
  if (secret === true) return "a secret changes";
  if (added !== undefined || removed !== undefined) return `${added ?? 0} added, ${removed ?? 0} removed`;
  return `${valueText(before)} → ${valueText(after)}`;
}

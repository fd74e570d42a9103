import type { ConfigChange } from "./config-changes.ts";
import type { FieldChange, PlanStep } from "./documents.ts";
import { valueText, viaTone } from "./words.ts";

/** Fields of a step that are shown. */
const FIELDS = 12;
const SIGNS: Readonly<Record<string, string>> = {
  create: "+",
  update: "~",
  delete: "−",
  replace: "±",
  adopt: "@",
  forget: ".",
};

/** Lines of the config that change, with the path before and after. */
export function ConfigLines({ changes }: { readonly changes: readonly ConfigChange[] }) {
  return (
    <ul class="steps lines">
      {changes.map(({ action, key, name, about = "", from, to }) => (
        <li class={`step ${action}`} key={`${key} ${name} ${about}`}>
          <span class="sign" aria-hidden="true">
            {SIGNS[action]}
          </span>
          <span class="hidden">{action} </span>
          <code>
            {key}:{name === undefined ? "" : ` ${name}`}
          </code>
          {about === "" ? null : <span class="reason">{about}</span>}
          <span class="goesto">
            {from === undefined ? null : <span class={to === undefined ? "" : "reason"}>{from}</span>}
            {to === undefined ? null : (
              <>
                <span class="reason">→</span> <span class={`badge ${toneOf(key, to)}`}>{to}</span>
              </>
            )}
          </span>
        </li>
      ))}
    </ul>
  );
}

function toneOf(key: string, to: string): string {
  if (key === "killSwitch") return to === "on" ? "good" : "bad";
  return to.endsWith("else direct") ? "warn" : viaTone(to);
}

/** Steps with the fields that change, before and after. */
export function Diff({ steps }: { readonly steps: readonly PlanStep[] }) {
  return (
    <ul class="steps">
      {steps.map((step, index) => (
        <Step key={`${step.key} ${index}`} step={step} />
      ))}
    </ul>
  );
}

function Step({ step: { key, action, reason, changes } }: { readonly step: PlanStep }) {
  return (
    <li class={`step ${action}`}>
      <p class="what">
        <span class="sign" aria-hidden="true">
          {SIGNS[action] ?? "~"}
        </span>
        <strong>{key}</strong> <span class="reason">{reason === "" ? action : reason}</span>
      </p>
      {changes.length === 0 ? null : (
        <div class="fields">
          {changes.slice(0, FIELDS).map((change) => (
            <Field key={change.field} change={change} />
          ))}
          {changes.length > FIELDS ? <p class="more">and {changes.length - FIELDS} more fields</p> : null}
        </div>
      )}
    </li>
  );
}

function Field({ change }: { readonly change: FieldChange }) {
  const { field, before, after, secret, added, removed } = change;
  const name = field.replaceAll("/", " ").trim();
  if (secret === true) return <p class="field">{name}: a secret changes</p>;
  if (added !== undefined || removed !== undefined) {
    return (
      <p class="field">
        {name}: {(added ?? 0) === 0 ? null : <ins>{added} added</ins>}{" "}
        {(removed ?? 0) === 0 ? null : <del>{removed} removed</del>}
      </p>
    );
  }
  return (
    <p class="field">
      {name}: {before === undefined || before === null ? null : <del>{valueText(before)}</del>}
      {before !== undefined && before !== null && after !== undefined && after !== null ? " → " : null}
      {after === undefined || after === null ? null : <ins>{valueText(after)}</ins>}
    </p>
  );
}

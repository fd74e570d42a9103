import { useState } from "preact/hooks";
import { Icon } from "./icons.tsx";
import { type Answer, noActions, role, run, status } from "./store.ts";
import { type ConfigEntry, sentence } from "./words.ts";

/** A button that asks awg for something, says when it works, and shows why it failed. Only an admin sees it. */
export function ActionButton({
  action,
  params = {},
  children,
  confirm,
  kind = "plain",
  onDone,
}: {
  readonly action: string;
  readonly params?: Readonly<Record<string, string>>;
  readonly children: string;
  /** The question that is asked first. */
  readonly confirm?: string;
  readonly kind?: "plain" | "main" | "danger";
  readonly onDone?: (answer: Answer) => void;
}) {
  const [isBusy, setBusy] = useState(false);
  const [isAsked, setAsked] = useState(false);
  const [failure, setFailure] = useState<string>();
  const act = async () => {
    setAsked(false);
    setBusy(true);
    setFailure(undefined);
    const answer = await run(action, params);
    setBusy(false);
    if (answer.code !== 0) setFailure(answer.message ?? `It ended with ${answer.code}.`);
    onDone?.(answer);
  };
  if (role.value !== "admin") return null;
  return (
    <span class="action">
      {isAsked ? (
        <span class="question">
          <span>{confirm}</span>
          <button type="button" class="button main" onClick={() => void act()}>
            Yes
          </button>
          <button type="button" class="button" onClick={() => setAsked(false)}>
            No
          </button>
        </span>
      ) : (
        <button
          type="button"
          class={`button ${kind}`}
          disabled={isBusy}
          onClick={() => (confirm === undefined ? void act() : setAsked(true))}
        >
          {isBusy ? "Working …" : children}
        </button>
      )}
      {failure === undefined ? null : <Failure text={failure} />}
    </span>
  );
}

/** Why something failed. */
export function Failure({ text }: { readonly text: string }) {
  return (
    <p class="failure" role="alert">
      {text}
    </p>
  );
}

/** The files that hold the truth, for people. */
export function configFiles(): string {
  const files = status.value?.daemon?.files ?? [];
  return files.length === 0 ? "the config file" : files.join(", ");
}

/** What a viewer is told where an admin has buttons. */
export function ViewerNote() {
  if (role.value !== "viewer") return null;
  if (noActions.value !== undefined) {
    return (
      <p class="note warn viewer">
        <Icon name="alert" />
        <span>{sentence(noActions.value)} Then reload this page.</span>
      </p>
    );
  }
  return (
    <p class="note viewer">
      <Icon name="eye" />
      <span>
        <strong>You may look, not change.</strong> The file is the truth: <code>{configFiles()}</code>. Members of group{" "}
        <code>awg</code> may act here.
      </span>
    </p>
  );
}

/** Where the page is not answered: how to see the same. */
export function AdminOnly({ words }: { readonly words: string }) {
  return (
    <p class="empty">
      {noActions.value === undefined ? "awg answers this to an admin only." : "This needs awg api, which does not run."}{" "}
      In a terminal: <code>sudo {words}</code>
    </p>
  );
}

/** The line of the config that decides: what to change, instead of a switch. */
export function FileLine({
  of,
  withFile = false,
}: {
  readonly of: ConfigEntry | undefined;
  /** Whether the folder of the file is seen too. */
  readonly withFile?: boolean;
}) {
  if (of === undefined) return null;
  const place = status.value?.daemon?.lines?.[of.entry];
  return (
    <span class="fileline">
      {place === undefined ? (
        <>
          <span class={withFile ? "" : "hidden"}>in {configFiles()}: </span>
          {of.key === "" ? null : `${of.key} › `}
        </>
      ) : (
        <span title={place}>{withFile ? place : place.split("/").at(-1)}: </span>
      )}
      <code>{of.text}</code>
    </span>
  );
}

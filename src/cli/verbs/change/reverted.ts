import type { Reverted } from "../../../app/apply/confirmation.ts";
import { renderRestored } from "../../../app/protect/restore-policy.ts";
import type { DocumentOf } from "../../documents/documents.ts";

const MOST_NAMED = 5;

/** The result of `awg revert`, for people. Pure. */
export function renderReverted(reverted: Reverted | undefined): string {
  if (reverted === undefined) return "There is no change to undo.";
  const { generation, policy, drifted } = reverted;
  const isBack = policy === undefined && drifted?.length === 0;
  if (isBack) return "Reverted. The state before the change is back.";
  const undone = `Reverted; ${policy === undefined ? "the change was undone" : renderRestored(policy)}.`;
  if (drifted === undefined) return `${undone} The rest could not be read; see awg doctor.`;
  if (drifted.length === 0) return undone;
  const remedy = generation === 0 ? "see awg drift" : `awg apply puts ${drifted.length === 1 ? "it" : "them"} back`;
  const more = drifted.length > MOST_NAMED ? ` and ${drifted.length - MOST_NAMED} more` : "";
  return `${undone} Not as accepted: ${drifted.slice(0, MOST_NAMED).join(", ")}${more}; ${remedy}.`;
}

/** The same as one JSON document. Pure. */
export function revertedDocument(reverted: Reverted | undefined): DocumentOf<"revert"> {
  if (reverted === undefined) return { formatVersion: "1", reverted: false };
  const { policy, drifted } = reverted;
  return {
    formatVersion: "1",
    reverted: true,
    packetFilter: policy === undefined ? null : { wrong: policy.wrong, restored: policy.restored },
    notAsAccepted: drifted ?? null,
  };
}

import type { ProposalRecord, ProposalStore } from "../reconciler/journal/stores.ts";
import { isObject, isText } from "../reconciler/plan/shape.ts";
import { decodeLines, encodeLine } from "./line.codec.ts";
import type { StateFolder } from "./state-folder.ts";

const NAME = "proposed";
const isRecord = isObject({}, { settled: isText, refused: isText });

/** The outcome of the config file's proposals, as one line in a file of the state folder. */
export function fileProposals(folder: StateFolder): ProposalStore {
  const read = (): ProposalRecord => {
    try {
      const { values, defect } = decodeLines(folder.read(NAME) ?? new Uint8Array());
      return defect === undefined && values.length === 1 && isRecord(values[0]) ? (values[0] as ProposalRecord) : {};
    } catch {
      return {};
    }
  };
  return {
    read: async () => read(),
    write: async (record) => folder.replace(NAME, encodeLine(record)),
  };
}

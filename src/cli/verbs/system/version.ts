import { VERSION } from "../../../model/version.ts";
import { EXIT } from "../../exit-code.ts";
import { flagOption, type RunVerb } from "../../verb.ts";
import { printDocument } from "../../views/json.ts";

/** `awg version` */
export const run: RunVerb = async (call) => {
  const { terminal } = call;
  const facts = {
    formatVersion: "1" as const,
    awg: VERSION,
    node: process.versions.node,
    system: `${process.platform}-${process.arch}`,
  };
  if (flagOption(call, "json")) printDocument(terminal, "version", facts);
  else terminal.out(`awg ${VERSION} (node ${facts.node}, ${facts.system})`);
  return EXIT.success;
};

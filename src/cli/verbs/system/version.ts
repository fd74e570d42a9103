import { VERSION } from "../../../model/version.ts";
import { EXIT } from "../../exit-code.ts";
import { flagOption, type RunVerb } from "../../verb.ts";

/** `awg version` */
export const run: RunVerb = async (call) => {
  const { terminal } = call;
  const facts = {
    format_version: "1",
    awg: VERSION,
    node: process.versions.node,
    system: `${process.platform}-${process.arch}`,
  };
  terminal.out(
    flagOption(call, "json") ? JSON.stringify(facts) : `awg ${VERSION} (node ${facts.node}, ${facts.system})`,
  );
  return EXIT.success;
};

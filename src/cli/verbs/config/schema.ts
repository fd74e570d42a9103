import { AwgError } from "../../../model/error.ts";
import { EXIT } from "../../exit-code.ts";
import { type RunVerb, textOption } from "../../verb.ts";

/** `awg schema`: the JSON Schema of the config; `--path` explains one field. */
export const run: RunVerb = async (call) => {
  const path = textOption(call, "path");
  if (path === undefined) {
    const { default: schema } = await import("../../../../schema/awg.schema.json", { with: { type: "json" } });
    call.terminal.out(JSON.stringify(schema, undefined, 2));
    return EXIT.success;
  }
  const { fieldHelp, nearestField } = await import("../../../config/field-help.ts");
  const { quote } = await import("../../../config/field/fault.ts");
  const help = fieldHelp(path, call.terminal.columns);
  if (help === undefined) {
    const near = nearestField(path);
    const meant = near === undefined ? "" : `did you mean ${near}? `;
    throw new AwgError("usage", `the config has no field ${quote(path)}`, {
      remedy: `${meant}\`awg schema\` prints all of them`,
    });
  }
  call.terminal.out(help);
  return EXIT.success;
};

import { AwgError } from "../../model/error.ts";
import { EXIT } from "../exit-code.ts";
import { type RunVerb, textOption } from "../verb.ts";

/** `awg schema`: the JSON Schema of the config; `--path` explains one field. */
export const run: RunVerb = async (call) => {
  const path = textOption(call, "path");
  if (path === undefined) {
    const { default: schema } = await import("../../../schema/awg.schema.json", { with: { type: "json" } });
    call.terminal.out(JSON.stringify(schema, undefined, 2));
    return EXIT.success;
  }
  const { fieldHelp } = await import("../../model/config/field-help.ts");
  const help = fieldHelp(path);
  if (help === undefined)
    throw new AwgError("usage", `the config has no field "${path}"`, { remedy: "`awg schema` prints all of them" });
  call.terminal.out(help);
  return EXIT.success;
};

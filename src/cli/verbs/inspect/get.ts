import { readAccepted, readOwned } from "../../../app/status/machine-status.ts";
import { AwgError } from "../../../model/error.ts";
import { EXIT } from "../../exit-code.ts";
import { openHostFor } from "../../open-host.ts";
import { flagOption, type RunVerb } from "../../verb.ts";
import { printDocument } from "../../views/json.ts";
import { withoutSecrets } from "../../views/without-secrets.ts";

/** `awg get [KIND[/NAME]]`: resources as observed on the host, or as accepted with --desired. */
export const run: RunVerb = async (call) => {
  await using host = await openHostFor(call);
  const { parts } = host;
  const all = flagOption(call, "desired") ? await readAccepted(parts) : await readOwned(parts);
  const wanted = call.args[0];
  const meant = wanted === undefined ? all : all.filter(({ key, kind }) => key === wanted || kind === wanted);
  const found = meant.map(({ key, kind, spec }) => ({ key, kind, spec: withoutSecrets(spec) }));
  if (wanted !== undefined && found.length === 0) {
    throw new AwgError("usage", `awg owns no ${wanted} on this machine`, { remedy: "`awg get` lists what it owns" });
  }
  const single = found.length === 1 && found[0]?.key === wanted;
  if (flagOption(call, "json")) printDocument(call.terminal, "get", { format_version: "1", resources: found });
  else if (found.length === 0) call.terminal.err("awg owns nothing on this machine.");
  else call.terminal.out(single ? JSON.stringify(found[0]?.spec, undefined, 2) : found.map(lineOf).join("\n"));
  return EXIT.success;
};

function lineOf({ key, spec }: { readonly key: string; readonly spec: unknown }): string {
  return `${key}  ${JSON.stringify(spec)}`;
}

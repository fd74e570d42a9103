import { readAccepted, readOwned } from "../../../app/status/machine-status.ts";
import { AwgError } from "../../../model/error.ts";
import { renderPolicyRule } from "../../../model/resources/policy-rule.ts";
import type { RoutesSpec } from "../../../model/resources/routes.ts";
import { EXIT } from "../../exit-code.ts";
import { openHostFor } from "../../open-host.ts";
import { flagOption, type RunVerb } from "../../verb.ts";
import { printDocument } from "../../views/json.ts";
import { withoutSecrets } from "../../views/resource/without-secrets.ts";

/** `awg get [KIND[/NAME]]`: resources as observed on the host, or as accepted with --desired. */
export const run: RunVerb = async (call) => {
  await using host = await openHostFor(call);
  const { parts } = host;
  const all = flagOption(call, "desired") ? await readAccepted(parts) : await readOwned(parts);
  const wanted = call.args[0];
  const meant = wanted === undefined ? all : all.filter(({ key, kind }) => key === wanted || kind === wanted);
  const found = meant.map(({ key, kind, spec }) => ({ key, kind, spec: withoutSecrets(spec) }));
  if (wanted !== undefined && found.length === 0) {
    throw new AwgError("usage", `there is no resource "${wanted}"`, { remedy: "`awg get` lists them" });
  }
  if (flagOption(call, "json")) printDocument(call.terminal, "get", { formatVersion: "1", resources: found });
  else if (found.length === 0) call.terminal.err("awg owns nothing on this host.");
  else {
    const { yamlText } = await import("../../../config/yaml-text.ts");
    call.terminal.out(yamlText(Object.fromEntries(found.map(({ key, spec }) => [key, withRuleTexts(spec)]))));
  }
  return EXIT.success;
};

/** Policy rules as `ip rule` prints them; everything else as it is. */
function withRuleTexts(spec: unknown): unknown {
  if (typeof spec !== "object" || spec === null || !("guards" in spec)) return spec;
  const { rules, standby = [], ...rest } = spec as RoutesSpec;
  return {
    ...rest,
    ...(rules.length === 0 ? {} : { rules: rules.map(renderPolicyRule) }),
    ...(standby.length === 0
      ? {}
      : { standby: standby.map((one) => ({ ...one, rules: one.rules.map(renderPolicyRule) })) }),
  };
}

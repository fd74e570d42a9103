import { resolve } from "node:path";
import type { SourceFile } from "../../../app/load/loaded-config.ts";
import { type Config, isNoiseTunnel } from "../../../config/config.ts";
import { type ImportFinding, renderImportFinding } from "../../../interchange/import-finding.ts";
import { exportConf } from "../../../interchange/wg-quick/export-conf.ts";
import { AwgError } from "../../../model/error.ts";
import type { SecretRef } from "../../../model/secret.ts";
import { readConfigFiles } from "../../config-files.ts";
import { EXIT } from "../../exit-code.ts";
import { loadConfigFor, openHostFor } from "../../open-host.ts";
import { flagOption, type RunVerb, textOption, type VerbCall } from "../../verb.ts";
import { writeNewFiles } from "./new-files.ts";

/** `awg export [TUNNEL]`: a tunnel as a conf of wg-quick or awg-quick, or the whole config as JSON. */
export const run: RunVerb = async (call) => {
  await using host = await openHostFor(call);
  const files = readConfigFiles(call);
  const { config } = await loadConfigFor(call, host, files);
  const out = textOption(call, "out");
  if (config === undefined) return EXIT.config;
  const isWhole = textOption(call, "format") === "json";
  const { text, findings } = isWhole
    ? await wholeConfig(call, files)
    : await oneTunnel(call, config, out !== undefined);
  for (const finding of findings) call.terminal.err(renderImportFinding(finding));
  if (out === undefined) call.terminal.out(text.trimEnd());
  else {
    writeNewFiles([{ path: resolve(out), text }]);
    call.terminal.out(`Wrote ${resolve(out)}.`);
  }
  return EXIT.success;
};

interface Exported {
  readonly text: string;
  readonly findings: readonly ImportFinding[];
}

async function wholeConfig(call: VerbCall, files: readonly SourceFile[]): Promise<Exported> {
  if (call.args.length > 0) {
    throw new AwgError("usage", "the JSON form is the whole config", { remedy: "leave out the tunnel" });
  }
  const { exportJson } = await import("../../../interchange/json/export-json.ts");
  const { readInclude } = await import("../../../app/load/read-include.ts");
  return { text: `${exportJson(files, readInclude)}\n`, findings: [] };
}

async function oneTunnel(call: VerbCall, config: Config, withSecrets: boolean): Promise<Exported> {
  const name = tunnelNameOf(call, config);
  const tunnel = config.tunnels[name];
  if (!isNoiseTunnel(tunnel)) {
    throw new AwgError("usage", `the tunnel ${name} is a proxy, which no conf can say`, {
      remedy: "use --format json",
    });
  }
  if (textOption(call, "format") === "wg-quick" && tunnel.obfuscation !== undefined) {
    throw new AwgError("usage", `the tunnel ${name} has obfuscation, which wg-quick has no words for`, {
      remedy: "use --format awg-quick",
    });
  }
  const secret = withSecrets ? await secretsOf(call) : (): string => "(secret)";
  return exportConf(config, { name, tunnel, secret });
}

function tunnelNameOf(call: VerbCall, config: Config): string {
  const names = Object.keys(config.tunnels);
  const [named = names.length === 1 ? names[0] : undefined] = call.args;
  if (named !== undefined && names.includes(named)) return named;
  const message = named === undefined ? "no tunnel is named" : `the config has no tunnel ${named}`;
  throw new AwgError("usage", message, { remedy: `name one of: ${names.join(", ")}` });
}

async function secretsOf(call: VerbCall): Promise<(ref: SecretRef) => string> {
  const { secretReader } = await import("../../../app/import/secret-reader.ts");
  const allowInsecurePermissions = flagOption(call, "allowInsecurePermissions");
  const read = secretReader({ environment: call.environment, allowInsecurePermissions });
  return (ref) => {
    const text = read(ref);
    if (/^[A-Za-z0-9+/]{43}=$/.test(text)) return text;
    throw new AwgError("config", "a secret of the tunnel is no key of 32 bytes in base64", {
      remedy: "check the files and variables that the config names",
    });
  };
}

import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { installedConfigFile } from "../../../compose/config-file.ts";
import { AwgError } from "../../../model/error.ts";
import { readConfigFiles } from "../../config-files.ts";
import { EXIT } from "../../exit-code.ts";
import { openHostFor } from "../../open-host.ts";
import { listOption, type RunVerb, textOption, type VerbCall } from "../../verb.ts";
import { printText } from "../../views/print-text.ts";

/** `awg debug bundle`: what a maintainer needs to find a fault, without secrets. */
export const run: RunVerb = async (call) => {
  const [word] = call.args;
  if (word !== "bundle") throw new AwgError("usage", `there is no debug command "${word}"`, { remedy: "write bundle" });
  const path = resolve(textOption(call, "out") ?? `awg-debug-${new Date().toISOString().replace(/[:.]/g, "-")}.tar.gz`);
  if (existsSync(path)) throw new AwgError("usage", `${path} exists`, { remedy: "name another file with --out" });
  await using host = await openHostFor(call);
  host.parts.requireRights?.();
  const { writeBundle } = await import("../../../app/debug/write-bundle.ts");
  const names = await writeBundle(path, {
    program: [process.execPath, "--disable-warning=ExperimentalWarning", process.argv[1] ?? "awg"],
    hostWords: ["host", "stateDir"].flatMap((name) => wordsOf(call, name)),
    isSimulated: host.parts.isSimulated,
    stateDir: host.parts.stateDir,
    configs: configsOf(call),
    environment: call.environment,
  });
  printText(
    call.terminal,
    `${path}: ${names.join(", ")}.\nSecrets are removed; addresses, names and public keys are not. Read it before you send it.`,
  );
  return EXIT.success;
};

function configsOf(call: VerbCall) {
  if (listOption(call, "file").length === 0 && !existsSync(installedConfigFile())) return [];
  return readConfigFiles(call);
}

function wordsOf(call: VerbCall, name: string): readonly string[] {
  const value = textOption(call, name);
  return value === undefined ? [] : [`--${name === "stateDir" ? "state-dir" : name}`, value];
}

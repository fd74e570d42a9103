import { existsSync, writeFileSync } from "node:fs";
import { initConfig } from "../../../config/init-config.ts";
import { AwgError } from "../../../model/error.ts";
import { EXIT } from "../../exit-code.ts";
import { flagOption, type RunVerb } from "../../verb.ts";

/** `awg init [PATH]`: a commented config to start from; replaces a file only on request. */
export const run: RunVerb = async (call) => {
  const path = call.args[0] ?? "awg.yaml";
  if (path === "-") {
    call.terminal.out(initConfig().trimEnd());
    return EXIT.success;
  }
  if (existsSync(path) && !flagOption(call, "force")) {
    throw new AwgError("usage", `${path} exists already`, { remedy: "name another file, or replace it with --force" });
  }
  writeFileSync(path, initConfig(), { mode: 0o600 });
  call.terminal.out(`Wrote ${path}. Set your key and endpoint, then: awg validate -f ${path}`);
  return EXIT.success;
};

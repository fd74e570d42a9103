import { randomBytes } from "node:crypto";
import { existsSync, rmSync } from "node:fs";
import { basename, dirname, extname, join, resolve } from "node:path";
import { publicKeyText } from "../../../app/wg-tool/public-key.ts";
import { initConfig } from "../../../config/init-config.ts";
import { AwgError } from "../../../model/error.ts";
import { CONFIG_IN_FOLDER } from "../../../model/resources/config-file.ts";
import { bytesToBase64, clampPrivateKey } from "../../../uapi/key-text.ts";
import { EXIT } from "../../exit-code.ts";
import { flagOption, type RunVerb } from "../../verb.ts";
import { writeNewFiles } from "./new-files.ts";

/** `awg init [PATH]`: a commented config to start from, and a private key beside it unless that exists. */
export const run: RunVerb = async (call) => {
  const path = call.args[0] ?? CONFIG_IN_FOLDER;
  if (path === "-") {
    call.terminal.out(initConfig().trimEnd());
    return EXIT.success;
  }
  if (existsSync(path)) {
    if (!flagOption(call, "force"))
      throw new AwgError("usage", `${path} exists already`, {
        remedy: "name another file, or replace it with --force",
      });
    rmSync(path);
  }
  const keyFile = keyFileBeside(path);
  const key = existsSync(keyFile) ? undefined : clampPrivateKey(randomBytes(32));
  const ownPublicKey = key === undefined ? {} : { ownPublicKey: publicKeyText(key) };
  const text = initConfig({ privateKeyFile: keyFile, ...ownPublicKey });
  writeNewFiles([...(key === undefined ? [] : [{ path: keyFile, text: `${bytesToBase64(key)}\n` }]), { path, text }]);
  call.terminal.out(key === undefined ? `Wrote ${path}; its key is ${keyFile}.` : `Wrote ${path} and ${keyFile}.`);
  call.terminal.err(`Set the server's public key and endpoint in ${path}, then: sudo awg plan ${path}`);
  return EXIT.success;
};

/** `laptop.key` for `laptop.yaml`, as an absolute path. */
function keyFileBeside(path: string): string {
  const name = basename(path, extname(path));
  return join(resolve(dirname(path)), `${name}.key`);
}

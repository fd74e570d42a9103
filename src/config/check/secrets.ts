import type { SecretRef } from "../../model/secret.ts";
import { type Config, isNoiseTunnel } from "../config.ts";
import type { NodePath } from "../source/source-node.ts";
import type { CheckContext } from "./check-context.ts";

/** Read or write by group or others. */
const OTHERS_MAY_READ_OR_WRITE = 0o066;

const OTHERS_MAY_WRITE = 0o002;

/** Secrets are unreadable to other users, and other users cannot write what root will execute. */
export function checkSecrets(context: CheckContext): void {
  checkWritable(context);
  for (const { path, secret } of secretsOf(context.config)) {
    if ("inline" in secret) checkInline(context, path);
  }
}

/** Every reference to a secret, with its place. */
export function secretsOf(config: Config): readonly { readonly path: NodePath; readonly secret: SecretRef }[] {
  const found: { path: NodePath; secret: SecretRef }[] = [];
  const add = (path: NodePath, secret: SecretRef | undefined) => {
    if (secret !== undefined) found.push({ path, secret });
  };
  for (const [name, tunnel] of Object.entries(config.tunnels)) {
    const path = ["tunnels", name];
    if (isNoiseTunnel(tunnel)) {
      add([...path, "privateKey"], tunnel.privateKey);
      add([...path, "obfuscation", "headerProtectionKey"], tunnel.obfuscation?.headerProtectionKey);
      for (const [index, peer] of tunnel.peers.entries())
        add([...path, "peers", index, "presharedKey"], peer.presharedKey);
    } else add([...path, "auth", "password"], tunnel.auth?.password);
  }
  return found;
}

/** A user who can write the config controls the host's traffic. */
function checkWritable(context: CheckContext): void {
  const { sources, options } = context;
  if (options.allowInsecurePermissions === true) return;
  for (const [source, { mode = 0, exposure }] of sources.entries()) {
    const text = (mode & 0o777).toString(8).padStart(4, "0");
    const { message, remedy } =
      (mode & OTHERS_MAY_WRITE) === 0
        ? (exposure ?? {})
        : {
            message: `the file has mode ${text}, so every user of this host can change it`,
            remedy: "chmod o-w the file",
          };
    if (message === undefined || remedy === undefined) continue;
    context.reportPlace("config-writable", { source, start: 0, end: 1 }, message, remedy);
  }
}

function checkInline(context: CheckContext, path: NodePath): void {
  const remedy = "put it into a file of mode 0600 and use { file: /path }";
  context.report("secret-inline", path, "the config contains a secret", remedy);
  const source = context.sources[context.placeOf(path).source];
  if (source?.mode === undefined || (source.mode & OTHERS_MAY_READ_OR_WRITE) === 0) return;
  if (context.options.allowInsecurePermissions === true) return;
  const mode = (source.mode & 0o777).toString(8).padStart(4, "0");
  const message = `the file holds a secret and has mode ${mode}, so other users can read or change it`;
  context.report("file-permissions", path, message, "chmod 600 the file, or move the secret");
}

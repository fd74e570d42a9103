import { randomBytes } from "node:crypto";
import { bytesToBase64, clampPrivateKey } from "../../../uapi/key-text.ts";
import { asWgTool, words } from "./wg-tool.ts";

/** `awg genkey`: a new private key on standard output. */
export const run = asWgTool(async (call) => {
  words(call, "genkey", 0, 0);
  call.terminal.out(bytesToBase64(clampPrivateKey(randomBytes(32))));
});

import { randomBytes } from "node:crypto";
import { bytesToBase64 } from "../../../uapi/key-text.ts";
import { asWgTool, words } from "./wg-tool.ts";

/** `awg genpsk`: a new preshared key on standard output. */
export const run = asWgTool(async (call) => {
  words(call, "genpsk", 0, 0);
  call.terminal.out(bytesToBase64(randomBytes(32)));
});

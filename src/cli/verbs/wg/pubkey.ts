import { AwgError } from "../../../model/error.ts";
import { bytesToBase64, isZeroKey } from "../../../model/uapi/key-text.ts";
import { keyOfText } from "../../../model/wg-tool/values.ts";
import { asWgTool, words } from "./wg-tool.ts";

/** `awg pubkey`: the public key of the private key on standard input. */
export const run = asWgTool(async (call) => {
  words(call, "pubkey", 0, 0);
  const key = keyOfText(call.terminal.readInput(), "standard input");
  if (isZeroKey(key)) throw new AwgError("usage", "standard input holds no key: it must be 32 bytes in base64");
  const { publicKeyOf } = await import("../../../compose/wg-tool/public-key.ts");
  call.terminal.out(bytesToBase64(publicKeyOf(key)));
});

import { keyOfText } from "../../../interchange/wg-tool/values.ts";
import { AwgError } from "../../../model/error.ts";
import { bytesToBase64, isZeroKey } from "../../../uapi/key-text.ts";
import { asWgTool, words } from "./wg-tool.ts";

/** `awg pubkey`: the public key of the private key on standard input. */
export const run = asWgTool(async (call) => {
  words(call, "pubkey", 0, 0);
  const key = keyOfText(call.terminal.readInput(), "standard input");
  if (isZeroKey(key)) throw new AwgError("usage", "standard input holds no key: it must be 32 bytes in base64");
  const { publicKeyOf } = await import("../../../app/wg-tool/public-key.ts");
  call.terminal.out(bytesToBase64(publicKeyOf(key)));
});

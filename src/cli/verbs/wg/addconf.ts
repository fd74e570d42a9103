import { readToolConf } from "../../../interchange/wg-tool/conf-change.ts";
import { asWgTool, readText, socketPlaces, words } from "./wg-tool.ts";

/** `awg addconf <interface> <file>`: what the conf says is added to the device. */
export const run = asWgTool(async (call) => {
  const [name = "", file = ""] = words(call, "addconf <interface> <file>", 2, 2);
  const conf = readToolConf(readText(call, file), file);
  const { changeTunnel } = await import("../../../app/wg-tool/tunnel-sockets.ts");
  await changeTunnel(await socketPlaces(call), name, conf);
});

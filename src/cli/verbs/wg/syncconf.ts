import { readToolConf, syncing } from "../../../interchange/wg-tool/conf-change.ts";
import { asWgTool, readText, socketPlaces, words } from "./wg-tool.ts";

/** `awg syncconf <interface> <file>`: the device becomes what the conf says, peers that stay keeping their sessions. */
export const run = asWgTool(async (call) => {
  const [name = "", file = ""] = words(call, "syncconf <interface> <file>", 2, 2);
  const conf = readToolConf(readText(call, file), file);
  const { changeTunnel, readTunnelState } = await import("../../../app/wg-tool/tunnel-sockets.ts");
  const places = await socketPlaces(call);
  await changeTunnel(places, name, syncing(conf, readTunnelState(places, name)));
});

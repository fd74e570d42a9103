import { showDevice } from "../../../interchange/wg-tool/show-device.ts";
import { showField } from "../../../interchange/wg-tool/show-field.ts";
import type { ShownDevice } from "../../../interchange/wg-tool/shown-device.ts";
import { AwgError, messageOf } from "../../../model/error.ts";
import { asWgTool, socketPlaces, words } from "./wg-tool.ts";

/** `awg show [<interface> | all | interfaces] [field]`: what the engines say, as `wg show` prints it. */
export const run = asWgTool(async (call) => {
  const [which = "all", field] = words(call, "show { <interface> | all | interfaces } [field]", 0, 2);
  const { readTunnel, tunnelNames } = await import("../../../app/wg-tool/tunnel-sockets.ts");
  const places = await socketPlaces(call);
  const names = () => tunnelNames(places);
  const read = (name: string) => readTunnel(places, name);
  if (which === "interfaces") {
    call.terminal.out(names().join(" "));
    return;
  }
  const devices = which === "all" ? readable(names(), read, call.terminal.err) : [read(which)];
  if (field !== undefined) {
    const lines = devices.flatMap((device) => showField(device, field, which === "all"));
    if (lines.length > 0) call.terminal.out(lines.join("\n"));
    return;
  }
  const showsKeys = call.environment["WG_HIDE_KEYS"] === "never";
  const now = Math.floor(Date.now() / 1000);
  if (devices.length > 0) call.terminal.out(devices.map((device) => showDevice(device, now, showsKeys)).join("\n\n"));
});

/** Those of the devices that can be read; of each other a line says why, as wg(8) does. @throws AwgError where there is none */
function readable(
  names: readonly string[],
  read: (name: string) => ShownDevice,
  reportError: (line: string) => void,
): ShownDevice[] {
  const failures: { readonly name: string; readonly error: AwgError }[] = [];
  const devices = names.flatMap((name) => {
    try {
      return [read(name)];
    } catch (error) {
      if (!(error instanceof AwgError) || error.kind === "bug") throw error;
      failures.push({ name, error });
      return [];
    }
  });
  const [first] = failures;
  if (devices.length === 0 && first !== undefined) throw first.error;
  for (const { name, error } of failures) reportError(`unable to access interface ${name}: ${messageOf(error)}`);
  return devices;
}

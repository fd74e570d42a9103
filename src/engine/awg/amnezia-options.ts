import type { AmneziaVersion } from "../../model/config/section/obfuscation.ts";
import { normalizeObfuscation } from "../../model/uapi/obfuscation.ts";
import { PAPER_TIMING } from "../constants.ts";
import type { DeviceConfig } from "../device.ts";
import type { Sources } from "../sources.ts";
import { PLAIN_WIRE } from "../wire/plain.ts";
import { createAmneziaWire } from "./amnezia-wire.ts";
import type { UapiParameters } from "./parameters.ts";
import { parseParameters } from "./parse-parameters.ts";

/**
 * What a device is given for AmneziaWG parameters (UAPI names and text, the header protection key in hex): its wire
 * format, timers and whether it sends cookies. Plain WireGuard where everything is off. The key is wiped afterwards: the
 * format holds what it needs of it.
 *
 * @param generation the version the configuration names, where it does.
 * @throws AwgError("config") for parameters that cannot be used; see parseParameters.
 */
export function amneziaOptions(
  values: UapiParameters,
  sources: Sources,
  generation?: AmneziaVersion,
): Required<Pick<DeviceConfig, "wire" | "timing" | "cookies">> {
  const parameters = parseParameters(values, generation);
  if (Object.keys(normalizeObfuscation(values)).length === 0) {
    return { wire: PLAIN_WIRE, timing: PAPER_TIMING, cookies: true };
  }
  const wire = createAmneziaWire(parameters, sources);
  parameters.headerProtectionKey?.fill(0);
  return { wire, timing: parameters.timing, cookies: !parameters.disablesCookies };
}

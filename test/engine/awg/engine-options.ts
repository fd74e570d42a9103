import { createAmneziaWire } from "../../../src/engine/awg/amnezia-wire.ts";
import type { UapiParameters } from "../../../src/engine/awg/parameters.ts";
import { parseParameters } from "../../../src/engine/awg/parse-parameters.ts";
import type { DeviceConfig } from "../../../src/engine/device.ts";
import { PLAIN_WIRE } from "../../../src/engine/wire/plain.ts";
import { SeededSources } from "../support/sources.ts";

/** What a device is given for these parameters, its randomness from a seed; plain WireGuard where there are none. */
export function engineOptions(
  values: UapiParameters,
  seed: number,
): Required<Pick<DeviceConfig, "wire" | "timing" | "cookies">> {
  const parameters = parseParameters(values);
  const wire = Object.keys(values).length === 0 ? PLAIN_WIRE : createAmneziaWire(parameters, new SeededSources(seed));
  return { wire, timing: parameters.timing, cookies: !parameters.disablesCookies };
}

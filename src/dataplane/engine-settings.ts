import { createAmneziaWire } from "../engine/awg/amnezia-wire.ts";
import { parseParameters } from "../engine/awg/parse-parameters.ts";
import type { DeviceChange } from "../engine/device.ts";
import type { Sources } from "../engine/sources.ts";
import { PLAIN_WIRE } from "../engine/wire/plain.ts";
import type { WireFormat } from "../engine/wire/wire-format.ts";
import type { DeviceSettings } from "./contract.ts";

/** The settings that a tunnel keeps; the only key among them is that of obfuscation. */
export type StoredSettings = Pick<DeviceSettings, "mtuBytes" | "socket" | "obfuscation">;

/** Those of some settings. */
export function storedSettings({ mtuBytes, socket, obfuscation }: DeviceSettings): StoredSettings {
  return { mtuBytes, socket, ...(obfuscation === undefined ? {} : { obfuscation }) };
}

/** The wire format of these settings. @throws AwgError("config") */
export function wireOf({ obfuscation }: DeviceSettings, sources: Sources): WireFormat {
  if (obfuscation === undefined) return PLAIN_WIRE;
  return createAmneziaWire(parseParameters(obfuscation.parameters, obfuscation.generation), sources);
}

/** The engine's config of these settings. */
export function deviceConfigOf(settings: DeviceSettings, wire: WireFormat): DeviceChange {
  const { socket: _socket, obfuscation, ...plain } = settings;
  if (obfuscation === undefined) return { ...plain, wire };
  const { timing, disablesCookies } = parseParameters(obfuscation.parameters, obfuscation.generation);
  return { ...plain, wire, timing, cookies: !disablesCookies };
}

/** Whether both have the same wire format. */
export function sameObfuscation(a: StoredSettings, b: StoredSettings): boolean {
  return JSON.stringify(a.obfuscation) === JSON.stringify(b.obfuscation);
}

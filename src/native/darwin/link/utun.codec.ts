import { CONTROL, SOCKET } from "../constants.ts";
import { LAYOUTS } from "../layouts.ts";
import { demandSize, malformed, readCharacters, readUnsigned, writeCharacters, writeNumber } from "../struct.codec.ts";

const INFO = LAYOUTS.ctl_info;
const ADDRESS = LAYOUTS.sockaddr_ctl;

/** struct ctl_info that requests the id of utun's kernel control (CTLIOCGINFO). */
export function encodeControlInfo(): Uint8Array {
  const bytes = new Uint8Array(INFO.size);
  writeCharacters(bytes, 0, INFO.fields.ctl_name, CONTROL.UTUN_CONTROL_NAME);
  return bytes;
}

/** The id that CTLIOCGINFO wrote. AwgError("host") for a struct of another size. */
export function decodeControlId(info: Uint8Array): number {
  demandSize(info, INFO.size, "ctl_info");
  return readUnsigned(info, 0, INFO.fields.ctl_id);
}

/** struct sockaddr_ctl: connecting to it creates `utun<unit>`, or the first free one without a unit. */
export function encodeControlAddress(controlId: number, unit: number | undefined): Uint8Array {
  const bytes = new Uint8Array(ADDRESS.size);
  writeNumber(bytes, 0, ADDRESS.fields.sc_len, ADDRESS.size);
  writeNumber(bytes, 0, ADDRESS.fields.sc_family, SOCKET.AF_SYSTEM);
  writeNumber(bytes, 0, ADDRESS.fields.ss_sysaddr, CONTROL.AF_SYS_CONTROL);
  writeNumber(bytes, 0, ADDRESS.fields.sc_id, controlId);
  // The kernel counts units from 1 here and from 0 in the name; 0 requests the first free one.
  writeNumber(bytes, 0, ADDRESS.fields.sc_unit, unit === undefined ? 0 : unit + 1);
  return bytes;
}

/**
 * The name that UTUN_OPT_IFNAME wrote, "utun7"; `length` includes its NUL.
 *
 * @throws AwgError("host") for a length beyond the buffer, and for an invalid utun name.
 */
export function decodeInterfaceName(buffer: Uint8Array, length: number): string {
  const name = readCharacters(buffer, 0, [0, Math.max(0, length)]);
  if (length > buffer.length || !/^utun[0-9]{1,5}$/.test(name)) {
    throw malformed(`${length} of ${buffer.length} bytes as the name "${name}" of a utun`);
  }
  return name;
}

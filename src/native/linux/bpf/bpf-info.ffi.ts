import { addressOf } from "../libc.ffi.ts";
import { BPF, bpf } from "./bpf.ffi.ts";

/** Offsets in struct bpf_link_info, bpf_prog_info and bpf_map_info (linux/bpf.h), as far as they are read. */
const LINK = { program: 8, cgroup: 16, bytes: 32 } as const;
const PROGRAM = { mapCount: 52, maps: 56, bytes: 80 } as const;
const MAP = { id: 4, valueBytes: 12, name: 24, nameBytes: 16, bytes: 40 } as const;
/** More maps than any program of awg uses. */
const MOST_MAPS = 64;

/** A link to a control group: its program's id, and whether it is attached, since a link may outlive its attachment. */
export interface CgroupLinkInfo {
  readonly program: number;
  readonly attached: boolean;
}

/** Reads what a link's descriptor is. */
export function readCgroupLink(link: number): CgroupLinkInfo {
  const view = readInfo(link, LINK.bytes, "reading a BPF link");
  return { program: view.getUint32(LINK.program, true), attached: view.getBigUint64(LINK.cgroup, true) !== 0n };
}

/** The ids of the maps that a program uses. */
export function readMapIds(program: number): readonly number[] {
  const ids = new Uint32Array(MOST_MAPS);
  const view = readInfo(program, PROGRAM.bytes, "reading a BPF program", (given) => {
    given.setUint32(PROGRAM.mapCount, ids.length, true);
    given.setBigUint64(PROGRAM.maps, addressOf(new Uint8Array(ids.buffer)), true);
  });
  return [...ids.subarray(0, Math.min(view.getUint32(PROGRAM.mapCount, true), ids.length))];
}

/** A map's id, its name, and the bytes of each value. */
export function readMapInfo(map: number): {
  readonly id: number;
  readonly name: string;
  readonly valueBytes: number;
} {
  const view = readInfo(map, MAP.bytes, "reading a BPF map");
  const name = new Uint8Array(view.buffer, MAP.name, MAP.nameBytes);
  return {
    id: view.getUint32(MAP.id, true),
    name: new TextDecoder().decode(name.subarray(0, name.indexOf(0))),
    valueBytes: view.getUint32(MAP.valueBytes, true),
  };
}

/** A descriptor of a loaded program or map by its id, which the caller closes. Needs CAP_SYS_ADMIN. */
export function openById(kind: "program" | "map", id: number): number {
  const attributes = new Uint8Array(12);
  new DataView(attributes.buffer).setUint32(0, id, true);
  return bpf(kind === "map" ? BPF.mapById : BPF.progById, attributes, `opening the BPF ${kind} ${id}`);
}

function readInfo(descriptor: number, bytes: number, doing: string, give?: (info: DataView) => void): DataView {
  const info = new Uint8Array(bytes);
  const view = new DataView(info.buffer);
  give?.(view);
  const attributes = new Uint8Array(16);
  const request = new DataView(attributes.buffer);
  request.setUint32(0, descriptor, true);
  request.setUint32(4, bytes, true);
  request.setBigUint64(8, addressOf(info), true);
  bpf(BPF.objInfo, attributes, doing);
  return view;
}

/** struct virtio_net_hdr (include/uapi/linux/virtio_net.h), before each packet of a TUN device with IFF_VNET_HDR. */
export const VIRTIO_HEADER_BYTES = 10;

/** The checksum field has the pseudo header's sum; the receiver completes it. */
export const NEEDS_CHECKSUM = 1;

/** The segmentation of a packet above the MTU. */
export const CUT = { none: 0, tcp4: 1, tcp6: 4, udp: 5 } as const;

/** A flag of a kind: the TCP connection uses explicit congestion notification. */
export const CUT_ECN = 0x80;

/** Writes a header at `at`; all zero: an unsegmented packet with its checksum. */
export function writeVirtioHeader(
  view: DataView,
  at: number,
  kind: number,
  headerBytes: number,
  segmentBytes: number,
  checksumFrom: number,
  checksumField: number,
): void {
  view.setUint8(at, kind === CUT.none ? 0 : NEEDS_CHECKSUM);
  view.setUint8(at + 1, kind);
  view.setUint16(at + 2, headerBytes, true);
  view.setUint16(at + 4, segmentBytes, true);
  view.setUint16(at + 6, checksumFrom, true);
  view.setUint16(at + 8, checksumField, true);
}

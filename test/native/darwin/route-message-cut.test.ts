import { expect, test } from "vitest";
import { AwgError } from "../../../src/model/error.ts";
import { ROUTE } from "../../../src/native/darwin/constants.ts";
import {
  decodeAddressChange,
  decodeInterfaceChange,
  decodeInterfaceList,
} from "../../../src/native/darwin/link/interface-message.codec.ts";
import { cutMessages } from "../../../src/native/darwin/route/message-frames.codec.ts";
import { decodeRouteMessage, encodeRouteRequest } from "../../../src/native/darwin/route/route-message.codec.ts";
import { macBook } from "../../host/darwin/fake/machine.ts";
import {
  addressMessage,
  interfaceDump,
  interfaceMessage,
  routeMessage,
} from "../../host/darwin/fake/route/route-messages.ts";
import { bytesOf, darwinOutputs } from "../../support/facts.ts";

/** The whole messages among the outputs. */
const whole = darwinOutputs("raw-route-sockaddrs").filter(({ name }) => /^(?:golang-net-)?6/.test(name));

/** A message of each kind that a routing socket or a dump gives, by the double, whose layouts are the table's. */
function kinds(): [string, Uint8Array][] {
  const machine = macBook();
  const device = machine.interfaceNamed("en0");
  const [route] = machine.routes.slice(-1);
  if (device === undefined || route === undefined) throw new Error("the double has Wi-Fi and a default route");
  const header = { pid: 0, seq: 0, errno: 0, flags: route.flags, withInterface: true };
  return [
    ...(["RTM_ADD", "RTM_DELETE", "RTM_CHANGE", "RTM_GET", "RTM_GET2", "RTM_MISS"] as const).map(
      (type): [string, Uint8Array] => [type, routeMessage(machine, route, { ...header, type }, true)],
    ),
    ...["RTM_NEWADDR", "RTM_DELADDR"].flatMap((type) =>
      device.addresses.map((one): [string, Uint8Array] => [
        `${type} IPv${one.prefix.family}`,
        addressMessage(type, device, one, true),
      ]),
    ),
    ["RTM_IFINFO", interfaceMessage(device)],
    ["RTM_IFINFO2", interfaceDump(device)],
  ];
}

/** Everything that reads frames reads each. */
function readAll(bytes: Uint8Array): void {
  for (const frame of cutMessages(bytes)) {
    decodeRouteMessage(frame);
    decodeAddressChange(frame);
    decodeInterfaceChange(frame);
  }
  decodeInterfaceList(bytes);
}

/** Cuts at every byte, with the old length and the new one; gives how many cuts were read after all. */
function cutEverywhere(whole: Uint8Array): number {
  let read = 0;
  for (let cut = 1; cut < whole.length; cut += 1) {
    const said = whole.slice(0, cut);
    expect(errorOf(() => cutMessages(said))).toBeInstanceOf(AwgError);
    said.set([cut & 0xff, cut >> 8].slice(0, cut));
    const error = errorOf(() => readAll(said));
    if (error === undefined) read += 1;
    else expect(error).toBeInstanceOf(AwgError);
  }
  return read;
}

function errorOf(read: () => unknown): unknown {
  try {
    read();
    return undefined;
  } catch (error) {
    return error;
  }
}

test("H2: a message that awg writes, cut at every byte: read, or an error of the house", () => {
  const encoded = encodeRouteRequest({
    type: ROUTE.RTM_ADD,
    flags: ROUTE.RTF_UP,
    destination: { family: 6, address: "2001:db8::", length: 32 },
    nextHop: { address: "fe80::1", scope: 4 },
    pid: 1,
    sequence: 2,
  });
  expect(cutEverywhere(encoded)).toBeLessThan(encoded.length);
});

test.each(whole)("H2: $origin/$name, cut at every byte", (output) => {
  const bytes = bytesOf(output);
  expect(bytes.length).toBe(132);
  expect(cutEverywhere(bytes)).toBeLessThan(bytes.length);
});

test("H2: a message of each kind, cut at every byte (by the ABI table)", () => {
  const messages = kinds();
  expect(new Set(messages.map(([, whole]) => whole[3])).size).toBe(10);
  for (const [kind, whole] of messages) {
    expect(
      errorOf(() => readAll(whole)),
      kind,
    ).toBeUndefined();
    expect(cutEverywhere(whole), kind).toBeLessThan(whole.length);
  }
});

import { expect, test } from "vitest";
import { openPfDevice } from "../../../../src/host/darwin/firewall/pf-device.ts";
import { AwgError } from "../../../../src/model/error.ts";
import { PF } from "../../../../src/native/darwin/constants.ts";
import { FakeLibSystem } from "../fake/fake-libsystem.ts";
import { macBook } from "../fake/machine.ts";

/** ENOTTY: what a kernel says of a request whose number it does not know, as that of a struct of another size. */
const ENOTTY = 25;

test("law 4: a macOS with another size of struct pf_status (11.5) is reported as one without the request, never as PF off", () => {
  const system = new FakeLibSystem(macBook());
  const older = Object.create(system, {
    open: { value: (path: string, flags: number) => system.open(path, flags) },
    ioctl: {
      value: (fd: number, request: number, argument: Uint8Array) =>
        request === PF.DIOCGETSTATUS ? { value: -1, errno: ENOTTY } : system.ioctl(fd, request, argument),
    },
  }) as FakeLibSystem;
  const read = () => openPfDevice(older).isEnabled();
  expect(read).toThrow(AwgError);
  expect(read).toThrow(/reading PF's status.*request not supported by this kernel/);
  expect(openPfDevice(system).isEnabled()).toBe(false);
});

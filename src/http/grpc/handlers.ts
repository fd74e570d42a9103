import type { AwgMethod } from "../../api/grpc/awg-proto.ts";
import { GRPC } from "../../api/grpc/grpc-status.ts";
import { CallFailure } from "./call-failure.ts";
import { CHANGE_HANDLERS } from "./change-handlers.ts";
import type { HandlersFor } from "./handler.ts";
import { LIVE_HANDLERS } from "./live-handlers.ts";
import { SERVICE_HANDLERS } from "./service-handlers.ts";

/** Every method of the service; the role was checked before. */
export const HANDLERS: HandlersFor<AwgMethod> = {
  ...LIVE_HANDLERS,
  ...CHANGE_HANDLERS,
  ...SERVICE_HANDLERS,
  ApplyUpdate: async () => {
    throw new CallFailure(GRPC.unimplemented, {
      exit_code: 12,
      kind: "unsupported",
      message: "awg does not update itself in this version",
      remedy: "install the new version as you installed this one",
    });
  },
};

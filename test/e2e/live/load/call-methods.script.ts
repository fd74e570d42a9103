/** Calls every method of gRPC with requests that change nothing, and prints the code of each: 0, or why it failed. */
import { AWG_PROTO } from "../../../../src/api/grpc/awg-proto.ts";
import { type FailedCall, GrpcClient } from "../../../http/grpc/grpc-client.ts";

const NOWHERE = { config: "/nowhere.yaml" };
const REQUESTS: Readonly<Record<string, object>> = {
  Explain: { destination: "192.0.2.9:443" },
  Diff: NOWHERE,
  Plan: NOWHERE,
  Apply: NOWHERE,
  Rollback: { generation: 999 },
  Connect: { tunnel: "nobody" },
  Disconnect: { tunnel: "nobody" },
  StopConflictingServices: { names: ["nobody.service"] },
};
const ENDLESS = ["Watch"];

const codes: Record<string, number> = {};
for (const [name, method] of Object.entries(AWG_PROTO.methods)) {
  using client = new GrpcClient(process.argv[2] ?? "");
  const request = { ...REQUESTS[name] };
  const call =
    "isStream" in method ? client.read(name, request, () => ENDLESS.includes(name)) : client.call(name, request);
  codes[name] = await call.then(
    () => 0,
    ({ code }: FailedCall) => code,
  );
}
process.stdout.write(JSON.stringify(codes));

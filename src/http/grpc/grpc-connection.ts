import type { Socket } from "node:net";
import { Server, ServerCredentials, type UntypedServiceImplementation } from "@grpc/grpc-js";
import type { Role } from "../../api/role.ts";
import type { ApiParts } from "../router.ts";
import { AWG_SERVICE, awgCalls } from "./awg-service.ts";
import { HEALTH_SERVICE, healthCalls } from "./health.ts";

/** Limits of one connection. An idle one is closed, so that the process can end. */
const OPTIONS = {
  "grpc.max_concurrent_streams": 100,
  "grpc.max_receive_message_length": 64 * 1024,
  "grpc.max_send_message_length": 32 * 1024 * 1024,
  "grpc.max_connection_idle_ms": 300_000,
  "grpc-node.max_session_memory": 10,
  "grpc.enable_channelz": 0,
} as const;

/** Serves gRPC on one connection that begins with the preface of HTTP/2. Each has its own server, so its role is known. */
export function serveGrpc(socket: Socket, role: Role, parts: ApiParts): void {
  const server = new Server(OPTIONS);
  const cut = (): void => void socket.destroy();
  server.addService(AWG_SERVICE, awgCalls({ role, parts, cut }) as UntypedServiceImplementation);
  server.addService(HEALTH_SERVICE, healthCalls({ parts, cut }) as UntypedServiceImplementation);
  socket.once("close", () => server.forceShutdown());
  server.createConnectionInjector(ServerCredentials.createInsecure()).injectConnection(socket);
}

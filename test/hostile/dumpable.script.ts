import { linuxParts } from "../../src/compose/linux-parts.ts";
import { isDumpable } from "../../src/native/linux/process/credentials.ffi.ts";

const before = isDumpable();
const { host } = linuxParts({ host: { kind: "linux" }, allowInsecurePermissions: false, environment: {} });
await host[Symbol.asyncDispose]();
process.stdout.write(JSON.stringify({ before, after: isDumpable() }));

import { runKeeper } from "../../src/keeper/run-keeper.ts";

await runKeeper(process.argv[2] ?? "");

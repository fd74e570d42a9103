export { runKeeper } from "../keeper/run-keeper.ts";

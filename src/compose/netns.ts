export { runInNamespace } from "../host/linux/netns.ts";

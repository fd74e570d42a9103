export { becomeInNamespace } from "../host/linux/netns.ts";

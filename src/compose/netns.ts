export { engineElsewhere } from "../host/linux/engines/engine-elsewhere.ts";
export { becomeInNamespace } from "../host/linux/netns.ts";

/** What a thread of this program runs: its one thread is the data plane's, which starts by being loaded. */
import "../dataplane/worker/packet-thread.ts";

// The kinds of this build, for tests that check real files.
export { kinds } from "../../src/plugins.ts";

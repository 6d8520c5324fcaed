import { test } from "node:test";
import { conformanceCases, register } from "stowage/conformance";
import { driverContext } from "stowage/node";
import webdav from "./webdav.ts";

// Against the server of WEBDAV_URL, in a folder that is used by nothing else.
const context = driverContext();
register(test, conformanceCases({ open: () => webdav.open({ path: "kit/a b+c" }, context) }));

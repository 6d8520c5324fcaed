import { type Action, type Call, empty, type Reply, xml } from "./call.ts";
import { deleteObjects } from "./deletion.ts";
import { listObjects } from "./listing.ts";
import {
  abortUpload,
  completeUpload,
  createUpload,
  listParts,
  listUploads,
  uploadPart,
} from "./multipart.ts";
import { copyObject, deleteObject, getObject, putObject } from "./objects.ts";
import { document } from "./xml.ts";

interface Route {
  readonly action: Action;
  readonly method: string;
  readonly on: "service" | "bucket" | "key";
  /** Query parameters that make it this action, with `name=value` where the value counts. */
  readonly marks?: readonly string[];
  /** Other parameters that it takes. */
  readonly takes?: readonly string[];
  readonly header?: string;
}

const LIST = ["prefix", "delimiter", "encoding-type"];
const OVERRIDES = [
  "response-cache-control",
  "response-content-disposition",
  "response-content-encoding",
  "response-content-language",
  "response-content-type",
  "response-expires",
];

/** The first that fits decides, so the more exact ones come first. */
const ROUTES: readonly Route[] = [
  { action: "ListBuckets", method: "GET", on: "service" },
  {
    action: "ListObjectsV2",
    method: "GET",
    on: "bucket",
    marks: ["list-type=2"],
    takes: [...LIST, "max-keys", "start-after", "continuation-token", "fetch-owner"],
  },
  {
    action: "ListMultipartUploads",
    method: "GET",
    on: "bucket",
    marks: ["uploads"],
    takes: [...LIST, "max-uploads", "key-marker", "upload-id-marker"],
  },
  { action: "GetBucketLocation", method: "GET", on: "bucket", marks: ["location"] },
  { action: "HeadBucket", method: "HEAD", on: "bucket" },
  { action: "CreateBucket", method: "PUT", on: "bucket" },
  { action: "DeleteBucket", method: "DELETE", on: "bucket" },
  { action: "DeleteObjects", method: "POST", on: "bucket", marks: ["delete"] },
  { action: "UploadPart", method: "PUT", on: "key", marks: ["uploadId", "partNumber"] },
  { action: "CopyObject", method: "PUT", on: "key", header: "x-amz-copy-source" },
  { action: "PutObject", method: "PUT", on: "key" },
  {
    action: "ListParts",
    method: "GET",
    on: "key",
    marks: ["uploadId"],
    takes: ["max-parts", "part-number-marker", "encoding-type"],
  },
  { action: "GetObject", method: "GET", on: "key", takes: OVERRIDES },
  { action: "HeadObject", method: "HEAD", on: "key", takes: OVERRIDES },
  { action: "AbortMultipartUpload", method: "DELETE", on: "key", marks: ["uploadId"] },
  { action: "DeleteObject", method: "DELETE", on: "key" },
  { action: "CreateMultipartUpload", method: "POST", on: "key", marks: ["uploads"] },
  { action: "CompleteMultipartUpload", method: "POST", on: "key", marks: ["uploadId"] },
];

/** Which call this is; undefined for what is not served: a parameter that is not known changes the meaning. */
export function actionOf(
  method: string,
  on: Route["on"],
  query: ReadonlyMap<string, string>,
  headers: ReadonlyMap<string, string>,
): Action | undefined {
  const names = [...query.keys()].filter((name) => name !== "x-id" && !/^x-amz-/i.test(name));
  const fits = (route: Route) => {
    const marks = route.marks ?? [];
    const marked = marks.every((mark) => {
      const [name = "", value] = mark.split("=");
      return query.has(name) && (value === undefined || query.get(name) === value);
    });
    const known = new Set([...marks.map((mark) => mark.split("=")[0]), ...(route.takes ?? [])]);
    const headed = route.header === undefined || headers.has(route.header);
    return marked && headed && names.every((name) => known.has(name));
  };
  return ROUTES.find((route) => route.method === method && route.on === on && fits(route))?.action;
}

/** What each call on an existing bucket does: in one turn, so that calls never interleave. */
export const HANDLERS: Readonly<
  Record<Exclude<Action, "ListBuckets" | "CreateBucket" | "DeleteBucket">, (call: Call) => Reply>
> = {
  HeadBucket: () => empty(200),
  GetBucketLocation: (call) => xml(document("LocationConstraint", call.region)),
  ListObjectsV2: listObjects,
  ListMultipartUploads: listUploads,
  DeleteObjects: deleteObjects,
  PutObject: putObject,
  CopyObject: copyObject,
  GetObject: getObject,
  HeadObject: getObject,
  DeleteObject: deleteObject,
  CreateMultipartUpload: createUpload,
  UploadPart: uploadPart,
  ListParts: listParts,
  CompleteMultipartUpload: completeUpload,
  AbortMultipartUpload: abortUpload,
};

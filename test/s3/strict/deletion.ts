import { type Call, type Reply, xml } from "./call.ts";
import { S3Error } from "./errors.ts";
import { childText, document, parseRequestXml, type XmlContent } from "./xml.ts";

/** @see https://docs.aws.amazon.com/AmazonS3/latest/API/API_DeleteObjects.html */
export function deleteObjects(call: Call): Reply {
  const root = parseRequestXml(call.body);
  const entries = root.children.filter((child) => child.name === "Object");
  const max = call.rules.maxDeleteKeys;
  if (root.name !== "Delete" || entries.length === 0 || entries.length > max) {
    throw new S3Error("MalformedXML", `A batch names from 1 to ${max} keys`);
  }
  const quiet = root.children.some(({ name, text }) => name === "Quiet" && text === "true");
  const results = entries.flatMap((entry): [string, XmlContent][] => {
    const key = childText(entry, "Key");
    const code = call.refuseDeletion(key);
    if (code !== undefined) {
      const message: XmlContent = `Cannot delete: ${code}`;
      return [
        [
          "Error",
          [
            ["Key", key],
            ["Code", code],
            ["Message", message],
          ],
        ],
      ];
    }
    call.bucket.objects.delete(key);
    return quiet ? [] : [["Deleted", [["Key", key]]]];
  });
  return xml(document("DeleteResult", results));
}

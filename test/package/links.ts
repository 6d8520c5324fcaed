import { dirname, join } from "node:path/posix";

/**
 * Links of a Markdown page that lead nowhere: to no file or folder of `files`, or to no heading of the page.
 *
 * @param path Where the page lies.
 * @param files Every file that is there, and its text.
 */
export function brokenLinks(path: string, files: ReadonlyMap<string, string>): string[] {
  const page = withoutCode(files.get(path) ?? "");
  const links = [...page.matchAll(/\]\(([^)\s]+)\)/g)].map(([, link = ""]) => link);
  return links.filter((link) => {
    if (/^[a-z]+:/.test(link)) return false;
    const [target = "", heading] = link.split("#");
    const place = target === "" ? path : join(dirname(path), target);
    const text = files.get(place);
    if (text === undefined) return ![...files.keys()].some((file) => file.startsWith(`${place}/`));
    return heading !== undefined && !anchorsOf(text).includes(heading);
  });
}

/** What links to its headings end in. */
function anchorsOf(text: string): string[] {
  return [...withoutCode(text).matchAll(/^#+ (.+)$/gm)].map(([, heading = ""]) =>
    heading
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N}\s_-]/gu, "")
      .replaceAll(" ", "-"),
  );
}

function withoutCode(text: string): string {
  return text.replaceAll(/^```[\s\S]*?^```$/gm, "");
}

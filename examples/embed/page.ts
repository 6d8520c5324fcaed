/** The pages of the example, as text: what an application of your own makes with its own means. */

const head = (title: string): string => `<!doctype html>
<html lang="en"><meta charset="utf-8"><title>${title}</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<style>body { font: 1rem/1.5 system-ui, sans-serif; max-width: 40rem; margin: 2rem auto; padding: 0 1rem }</style>
`;

export const LOGIN = `${head("Log in")}<h1>Log in</h1>
<form method="post">
  <label>Name <input name="name" autocomplete="username" required></label>
  <label>Password <input name="password" type="password" autocomplete="current-password" required></label>
  <button>Log in</button>
</form>
`;

export const PAGE = `${head("Your files")}<h1>Your files</h1>
<form id="upload"><input name="file" type="file" aria-label="File" required> <button>Upload</button></form>
<p id="status" role="status"></p>
<ul id="files"></ul>
<form method="post" action="/logout"><button>Log out</button></form>
<script type="module" src="/app.js"></script>
`;

/** The browser sends the cookie by itself. `stowage/client` would do the same, with progress and retries. */
export const SCRIPT = `const files = document.querySelector("#files");
const status = document.querySelector("#status");
const upload = document.querySelector("#upload");

async function list() {
  const answer = await fetch("/files/api/v1/upload");
  if (answer.status === 401) return location.assign("/login");
  const { items } = await answer.json();
  files.replaceChildren(...items.map(({ id, filename, size }) => {
    const item = document.createElement("li");
    const link = document.createElement("a");
    link.href = "/files/api/v1/upload/" + id + "/file";
    link.textContent = filename; // as text: a name may hold any character
    item.append(link, " " + size + " bytes");
    return item;
  }));
}

upload.addEventListener("submit", async (event) => {
  event.preventDefault();
  const answer = await fetch("/files/api/v1/upload", { method: "POST", body: new FormData(upload) });
  status.textContent = answer.ok ? "Stored" : (await answer.json()).detail;
  upload.reset();
  await list();
});

await list();
`;

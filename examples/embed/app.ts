import { type Context, Hono, type MiddlewareHandler } from "hono";
import { deleteCookie, getSignedCookie, setSignedCookie } from "hono/cookie";
import { csrf } from "hono/csrf";
import { createStowage, type StowageOptions } from "stowage/node";
import { LOGIN, PAGE, SCRIPT } from "./page.ts";

/** A logged-in user. Its name is the tenant whose files it sees. */
interface User {
  readonly name: string;
}

type Env = { Variables: { user: User | null } };

export interface AppOptions {
  /** Signs the session's cookie: 32 random bytes or more, the same on every server. */
  readonly secret: string;
  checkPassword(name: string, password: string): boolean | Promise<boolean>;
  /** Whether browsers come over HTTPS, as they should. */
  readonly secure: boolean;
  /** What `createStowage` is given besides. */
  readonly stowage?: StowageOptions;
}

const COOKIE = "session";
const SESSION_SECONDS = 8 * 3600;

/** An application with users, sessions and pages of its own. Their files are Stowage's business. */
export async function createApp(options: AppOptions) {
  const stowage = await createStowage({
    ...options.stowage,
    basePath: "/files",
    // What the session below has found out is what counts.
    authenticate: (_request, { user }: { user: User | null }) =>
      user && { tenant: user.name, subject: `user:${user.name}` },
  });
  const app = new Hono<Env>();
  // A cookie comes with every request, also with those that another site has made a browser send. SameSite keeps
  // it from most of them; what is left (other ports and subdomains, old browsers) is recognized by Origin.
  app.use(csrf());
  app.use(session(options.secret));

  app.all("/files/*", (c) => stowage.fetch(c.req.raw, { user: c.var.user }));
  app.get("/", (c) => (c.var.user === null ? c.redirect("/login") : c.html(PAGE)));
  app.get("/app.js", (c) => c.body(SCRIPT, 200, { "Content-Type": "text/javascript" }));
  app.get("/login", (c) => c.html(LOGIN));
  app.post("/login", async (c) => {
    const form = await c.req.formData();
    const [name, password] = [String(form.get("name")), String(form.get("password"))];
    if (!(await options.checkPassword(name, password))) return c.html(LOGIN, 403);
    await beginSession(c, name, options);
    return c.redirect("/", 303);
  });
  app.post("/logout", (c) => {
    deleteCookie(c, COOKIE);
    return c.redirect("/login", 303);
  });
  return { app, stowage };
}

async function beginSession(c: Context<Env>, name: string, { secret, secure }: AppOptions) {
  // The browser forgets the cookie by itself; the time inside of it is for those who do not.
  const until = Date.now() + SESSION_SECONDS * 1000;
  await setSignedCookie(c, COOKIE, `${until}.${name}`, secret, {
    httpOnly: true,
    sameSite: "Lax",
    secure,
    path: "/",
    maxAge: SESSION_SECONDS,
  });
}

function session(secret: string): MiddlewareHandler<Env> {
  return async (c, next) => {
    const value = await getSignedCookie(c, secret, COOKIE);
    const [, until = "0", name = ""] = /^(\d+)\.(.+)$/.exec(value || "") ?? [];
    c.set("user", Number(until) > Date.now() ? { name } : null);
    await next();
  };
}

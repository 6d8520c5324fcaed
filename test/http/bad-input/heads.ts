import { type Bytes, type Case, cases, request } from "./case.ts";

const LIVE = "GET /health/live";
const UPLOAD = "/api/v1/upload";
const bad = [400, "invalid_request"] as const;
const unknown = [404, "route_not_found"] as const;
const allow = (methods: string) => ({
  holds: new RegExp(`^allow: ${methods}(, OPTIONS)?\\r$`, "im"),
});
const notHere = [
  ...([405, "method_not_allowed"] as const),
  allow("DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"),
] as const;

const plain = (line: string, rest = ""): Bytes =>
  `${line}\r\nHost: a.test\r\n${rest}Connection: close\r\n\r\n`;
const live = (rest: Bytes): Bytes[] => [
  `${LIVE} HTTP/1.1\r\nConnection: close\r\nHost: a.test\r\n`,
  rest,
  "\r\n",
];
const latin1 = (text: string): Bytes => Buffer.from(text, "latin1");

/** First lines, hosts and headers (RFC 9112, 2 to 5; RFC 9110, 5 to 10). */
export const HEADS: readonly Case[] = [
  ...cases("first line", [
    ["words that are no HTTP", "hello, is there anybody?\r\n\r\n", ...bad],
    ["a TLS greeting", Buffer.from("16030100a5010000a10303", "hex"), ...bad],
    ["HTTP/0.9", "GET /health/live\r\n\r\n", ...bad],
    ["HTTP/1.0", request(`${LIVE} HTTP/1.0`, { Connection: null }), 200],
    ["HTTP/1.2", plain(`${LIVE} HTTP/1.2`), ...bad],
    ["HTTP/2.0", plain(`${LIVE} HTTP/2.0`), ...bad],
    ["HTTP/11", plain(`${LIVE} HTTP/11`), ...bad],
    ["the preface of HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", ...bad],
    [
      "an offer of HTTP/2",
      request(LIVE, {
        Connection: "close, Upgrade, HTTP2-Settings",
        Upgrade: "h2c",
        "HTTP2-Settings": "AAMAAABkAAQAAP__",
      }),
      200,
    ],
    [
      "an offer of WebSocket",
      request(LIVE, { Connection: "close, Upgrade", Upgrade: "websocket" }),
      200,
    ],
    ["no target", plain("GET HTTP/1.1"), ...bad],
    ["two spaces", plain("GET  /health/live HTTP/1.1"), 200],
    ["tabs", plain("GET\t/health/live\tHTTP/1.1"), ...bad],
    ["a space in the target", plain("GET /health/live x HTTP/1.1"), ...bad],
    ["empty lines in front", `\r\n\r\n${plain(`${LIVE} HTTP/1.1`)}`, 200],
    ["bare line feeds", `${LIVE} HTTP/1.1\nHost: a.test\nConnection: close\n\n`, ...bad],
    [
      "bare carriage returns",
      `${LIVE} HTTP/1.1\rHost: a.test\rConnection: close\r\r`,
      ...bad,
      { goodbye: "end" },
    ],
    ["NUL in the target", plain("GET /health/\0live HTTP/1.1"), ...bad],
    [
      "Latin-1 in the target",
      latin1("GET /health/livé HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n"),
      ...bad,
    ],
    ["UTF-8 in the target", plain("GET /health/livé HTTP/1.1"), ...bad],
    ["a target of 12 KB", plain(`GET /${"a".repeat(12_000)} HTTP/1.1`), ...unknown],
    ["a target too long", plain(`GET /${"a".repeat(20_000)} HTTP/1.1`), 414, "invalid_request"],
    ["a method too long", `${"A".repeat(20_000)} / HTTP/1.1\r\n\r\n`, ...bad],
  ]),
  ...cases("target", [
    ["a whole address", plain(`GET http://a.test/health/live HTTP/1.1`), 200],
    [
      "an address with a name and password",
      plain(`GET http://u:p@a.test/health/live HTTP/1.1`),
      200,
    ],
    ["an address of another scheme", plain("GET ftp://a.test/health/live HTTP/1.1"), ...bad],
    ["a file", plain("GET file:///etc/passwd HTTP/1.1"), ...bad],
    ["a host and port", plain("GET a.test:80 HTTP/1.1"), ...bad],
    ["no slash in front", plain("GET health/live HTTP/1.1"), ...bad],
    ["the server as a whole", plain("OPTIONS * HTTP/1.1"), ...bad],
    ["a star for a GET", plain("GET * HTTP/1.1"), ...bad],
    ["a fragment", plain(`${LIVE}#x HTTP/1.1`), 200],
    ["another path after a fragment", request(`GET /#/../health/live`), ...unknown],
    ["dots over the root", plain("GET /../../../etc/passwd HTTP/1.1"), ...unknown],
    ["dots that are encoded", plain("GET /%2e%2e/%2e%2e/etc/passwd HTTP/1.1"), ...unknown],
    ["backslashes", plain("GET \\..\\..\\etc\\passwd HTTP/1.1"), ...bad],
    ["a broken escape", plain("GET /%zz HTTP/1.1"), ...unknown],
    ["a NUL that is encoded", plain("GET /health/live%00 HTTP/1.1"), ...unknown],
  ]),
  ...cases("method", [
    ["get", plain("get /health/live HTTP/1.1"), ...notHere],
    ["Get", plain("Get /health/live HTTP/1.1"), ...notHere],
    ["one that is unknown", plain("BREW /health/live HTTP/1.1"), ...notHere],
    ["one that is no token", plain("B(R)EW /health/live HTTP/1.1"), ...bad],
    [
      "POST where there is none",
      request("POST /health/live", {}, "x"),
      405,
      "method_not_allowed",
      allow("GET, HEAD"),
    ],
    ["PROPFIND", request("PROPFIND /api/v1/upload"), 405, "method_not_allowed"],
    ["TRACE", request(`TRACE ${UPLOAD}`), 405, "method_not_allowed", { holds: /^(?!.*stw_).*$/s }],
    ["TRACE with a body", request(`TRACE ${UPLOAD}`, {}, "x"), 405, "method_not_allowed"],
    ["PURGE of an upload", request(`PURGE ${UPLOAD}/{mine}`), 405, "method_not_allowed"],
    ["POST to an upload", request(`POST ${UPLOAD}/{mine}`, {}, "x"), 405, "method_not_allowed"],
    ["DELETE of all uploads", request(`DELETE ${UPLOAD}`), 405, "method_not_allowed"],
    [
      "DELETE of a file",
      request(`DELETE ${UPLOAD}/{mine}/file`),
      405,
      "method_not_allowed",
      allow("GET, HEAD"),
    ],
    ["CONNECT", "CONNECT a.test:80 HTTP/1.1\r\nHost: a.test:80\r\n\r\n", 405, "method_not_allowed"],
    ["CONNECT of a path", request(`CONNECT ${UPLOAD}`), 405, "method_not_allowed"],
    [
      "another one in a header",
      request(`GET ${UPLOAD}/{mine}`, { "X-HTTP-Method-Override": "DELETE" }),
      200,
    ],
    [
      "another one in the query",
      request(`POST ${UPLOAD}/{mine}?_method=DELETE`),
      405,
      "method_not_allowed",
    ],
    ["HEAD of an upload that is not there", request(`HEAD ${UPLOAD}/nothing`), 404],
    ["GET with a body", request(`GET ${UPLOAD}/{mine}`, {}, "hello"), 200],
    [
      "GET with chunks",
      request(LIVE, { "Transfer-Encoding": "chunked" }, "5\r\nhello\r\n0\r\n\r\n"),
      200,
    ],
    [
      "DELETE with a body",
      request(`DELETE ${UPLOAD}/nothing`, {}, "hello"),
      404,
      "upload_not_found",
    ],
    ["PUT without a body", request(`PUT ${UPLOAD}/empty.txt`), 201, null, { stored: "" }],
    ["POST without a body", request(`POST ${UPLOAD}`), 415, "unsupported_media_type"],
  ]),
  ...cases("host", [
    ["none", request(LIVE, { Host: null }), ...bad],
    ["two", request(LIVE, { Host: ["a.test", "b.test"] }), ...bad],
    ["twice the same", request(LIVE, { Host: ["a.test", "a.test"] }), ...bad],
    ["a list", request(LIVE, { Host: "a.test, b.test" }), ...bad],
    ["an empty one", request(LIVE, { Host: "" }), ...bad],
    ["a path", request(LIVE, { Host: "a.test/api/v1/upload" }), ...bad],
    ["a user", request(LIVE, { Host: "u:p@a.test" }), ...bad],
    ["a port that is none", request(LIVE, { Host: "a.test:99999" }), ...bad],
    ["a port of letters", request(LIVE, { Host: "a.test:http" }), ...bad],
    ["spaces", request(LIVE, { Host: "a test" }), ...bad],
    ["a query", request(LIVE, { Host: "a.test?x" }), ...bad],
    ["an IPv6 address", request(LIVE, { Host: "[::1]:8000" }), 200],
    ["an IPv6 address that is none", request(LIVE, { Host: "[::1" }), ...bad],
    ["300 characters", request(LIVE, { Host: `${"a".repeat(300)}.test` }), 200],
  ]),
  ...cases("header", [
    ["a folded one", live("X-Folded: a\r\n b\r\n"), ...bad],
    [
      "a folded length",
      request(`PUT ${UPLOAD}/a`, { "Content-Length": "\r\n 5" }, "hello"),
      ...bad,
    ],
    ["the first one with a space in front", `${LIVE} HTTP/1.1\r\n Host: a.test\r\n\r\n`, ...bad],
    ["no colon", live("X-Nothing\r\n"), ...bad],
    ["no name", live(": x\r\n"), ...bad],
    ["a space in its name", live("X Y: x\r\n"), ...bad],
    ["NUL in its name", live("X\0Y: x\r\n"), ...bad],
    ["NUL in its value", live("X: a\0b\r\n"), ...bad],
    ["a carriage return in its value", live("X: a\rb\r\n"), ...bad],
    ["a line feed in its value", live("X: a\nb\r\n"), ...bad],
    ["BEL in its value", live("X: a\x07b\r\n"), ...bad],
    ["Latin-1 in its value", live(latin1("X: \xe4\xff\r\n")), 200],
    ["UTF-8 in its name", live("Ä: x\r\n"), ...bad],
    ["__proto__", live("__proto__: x\r\nconstructor: y\r\n"), 200],
    ["20 KB of value", live(`X: ${"a".repeat(20_000)}\r\n`), 431, "invalid_request"],
    ["20 KB of name", live(`${"a".repeat(20_000)}: x\r\n`), 431, "invalid_request"],
    ["10,000 of them", live("a:b\r\n".repeat(10_000)), 431, "invalid_request"],
    ["2,500 of them", live(`${"a:\r\n".repeat(2_500)}`), 431, "invalid_request"],
    [
      "a length after all that Node hands on",
      request(`PUT ${UPLOAD}/a`, { a: Array(2_400).fill(""), "Content-Length": 5 }, "hello"),
      431,
      "invalid_request",
    ],
    [
      "Expect: 100-continue",
      request(`PUT ${UPLOAD}/a`, { Expect: "100-continue" }, "hello"),
      201,
      null,
      { stored: "hello" },
    ],
    ["Expect: 100-Continue", request(`PUT ${UPLOAD}/a`, { Expect: "100-Continue" }, "hello"), 201],
    [
      "Expect: nonsense",
      request(`PUT ${UPLOAD}/a`, { Expect: "nonsense" }, "hello"),
      417,
      "invalid_request",
    ],
    [
      "Expect: 100-continue of a HTTP/1.0 client",
      request(`PUT ${UPLOAD}/a HTTP/1.0`, { Expect: "100-continue" }, "hello"),
      201,
    ],
    [
      "a request id with a line feed",
      request(LIVE, { "X-Request-Id": "a%0d%0aSet-Cookie: x" }),
      200,
      null,
      { holds: /x-request-id: [0-9a-f]{32}\r/i },
    ],
    [
      "a request id of 129 characters",
      request(LIVE, { "X-Request-Id": "a".repeat(129) }),
      200,
      null,
      { holds: /x-request-id: [0-9a-f]{32}\r/i },
    ],
    [
      "a request id that is sane",
      request(LIVE, { "X-Request-Id": "a-1" }),
      200,
      null,
      { holds: /x-request-id: a-1\r/i },
    ],
    [
      "two request ids",
      request(LIVE, { "X-Request-Id": ["a", "b"] }),
      200,
      null,
      { holds: /x-request-id: [0-9a-f]{32}\r/i },
    ],
    [
      "the address of a proxy",
      request(LIVE, {
        "X-Forwarded-For": "'; DROP TABLE",
        "X-Forwarded-Host": "evil.test",
        Forwarded: 'for="',
      }),
      200,
    ],
    [
      "another host for links",
      request(`PUT ${UPLOAD}/a`, { "X-Forwarded-Host": "evil.test" }, "x"),
      201,
      null,
      { holds: /^(?!.*evil).*$/s },
    ],
    [
      "another path",
      request(`GET ${UPLOAD}/nothing`, {
        "X-Original-URL": "/health/live",
        "X-Rewrite-URL": "/health/live",
      }),
      404,
      "upload_not_found",
    ],
    [
      "a connection header that names others",
      request(`GET ${UPLOAD}/nothing`, { Connection: "close, Authorization" }),
      404,
      "upload_not_found",
    ],
  ]),
  ...cases("pipeline", [
    [
      "a request after a refused body",
      [
        ...request(
          `PUT ${UPLOAD}/a`,
          { Authorization: null, Connection: null },
          "GET /evil HTTP/1.1\r\n\r\n",
        ),
        ...request(LIVE),
      ],
      401,
      "unauthenticated",
      { more: [{ status: 200 }] },
    ],
    [
      "a request after a body of the wrong type",
      [
        ...request(
          `POST ${UPLOAD}`,
          { "Content-Type": "text/plain", Connection: null },
          "x".repeat(1000),
        ),
        ...request(LIVE),
      ],
      415,
      "unsupported_media_type",
      { more: [{ status: 200 }] },
    ],
    [
      "a request after a form that was given up",
      [
        ...request(
          `POST ${UPLOAD}`,
          { "Content-Type": "multipart/form-data; boundary=b", Connection: null },
          `--b\r\n x\r\n\r\n${"x".repeat(900)}\r\n--b--`,
        ),
        ...request(LIVE),
      ],
      400,
      "invalid_multipart",
      { more: [{ status: 200 }] },
    ],
    [
      "a request after too long a body",
      [...request(`PUT ${UPLOAD}/a`, { Connection: null }, "x".repeat(1001)), ...request(LIVE)],
      413,
      "upload_too_large",
      { more: [{ status: 200 }] },
    ],
    [
      "a request after chunks that are too long",
      [
        ...request(
          `PUT ${UPLOAD}/a`,
          { Connection: null, "Transfer-Encoding": "chunked" },
          `5dc\r\n${"x".repeat(1500)}\r\n0\r\n\r\n`,
        ),
        ...request(LIVE),
      ],
      413,
      "upload_too_large",
      { more: [{ status: 200 }] },
    ],
    [
      "a request after a GET with a body",
      [...request(`GET ${UPLOAD}/{mine}`, { Connection: null }, "hello"), ...request(LIVE)],
      200,
      null,
      { more: [{ status: 200 }] },
    ],
    [
      "a request after a length and chunks",
      [
        ...request(
          `PUT ${UPLOAD}/a`,
          { Connection: null, "Content-Length": 5, "Transfer-Encoding": "chunked" },
          "0\r\n\r\n",
        ),
        ...request(LIVE),
      ],
      ...bad,
    ],
    [
      "a request after codings that a proxy may not know",
      [
        ...request(
          `PUT ${UPLOAD}/a`,
          { Connection: null, "Transfer-Encoding": "gzip, chunked" },
          "0\r\n\r\n",
        ),
        ...request(LIVE),
      ],
      ...bad,
    ],
    [
      "a request after chunks of HTTP/1.0",
      [
        ...request(
          `PUT ${UPLOAD}/a HTTP/1.0`,
          { Connection: "keep-alive", "Transfer-Encoding": "chunked" },
          "0\r\n\r\n",
        ),
        ...request(LIVE),
      ],
      ...bad,
    ],
    [
      "a request after two hosts",
      [...request(LIVE, { Host: ["a.test", "b.test"], Connection: null }), ...request(LIVE)],
      ...bad,
    ],
    [
      "a request after an expectation that is not met",
      [
        ...request(`PUT ${UPLOAD}/a`, { Expect: "nonsense", Connection: null }, "hello"),
        ...request(LIVE),
      ],
      417,
      "invalid_request",
    ],
    [
      "bad chunks after an answer",
      [
        ...request(
          `PUT ${UPLOAD}/a`,
          { Authorization: null, Connection: null, "Transfer-Encoding": "chunked" },
          "5\r\nhello\r\n",
        ),
        /"request_id"/,
        "zz\r\n",
      ],
      401,
      "unauthenticated",
    ],
    ["a request after one that closes", [...request(LIVE), ...request(LIVE)], 200],
    [
      "garbage after a request",
      [...request(LIVE, { Connection: null }), "garbage\r\n\r\n"],
      200,
      null,
      { more: [{ status: 400, code: "invalid_request" }] },
    ],
    [
      "five requests at once",
      [
        ...Array(4)
          .fill(request(`GET ${UPLOAD}/{mine}`, { Connection: null }))
          .flat(),
        ...request(LIVE),
      ],
      200,
      null,
      { more: [{ status: 200 }, { status: 200 }, { status: 200 }, { status: 200 }] },
    ],
  ]),
];

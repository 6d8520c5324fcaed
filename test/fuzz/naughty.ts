/** Values that have broken something somewhere, as they stand in a target or a header: one character a byte. */
export const NAUGHTY: readonly string[] = [
  ...[
    "",
    "0",
    "-1",
    "1",
    "200",
    "201",
    "1e9",
    "1e400",
    "99999999999999999999",
    "0x10",
    "1.5",
    "NaN",
  ],
  ...["null", "undefined", "true", "false", "TRUE", "[]", "{}", "[object%20Object]", "*", "?", "#"],
  ...[
    "..",
    ".",
    "/",
    "//",
    "%2f",
    "%2e%2e%2f",
    "..%2f..%2fetc%2fpasswd",
    "%5c",
    "~",
    ".stowage/tmp",
  ],
  ...["%00", "%0a", "%0d%0aX-Evil:%20yes", "%7f", "%c2%85", "%ff", "%c3", "%ed%a0%80", "%zz", "%"],
  ...["%e2%80%ae", "%f0%9f%98%80", "a%cc%88", "%ef%bb%bf", "\xe4", "\x07", "\t", " "],
  ...["__proto__", "constructor", "prototype", "toString", "hasOwnProperty", "then"],
  ...["' OR '1'='1", "%27;--", "%25", "_", "{{7*7}}", "<script>", "$(id)", "`id`"],
  ...["2026-11-24T00:00:00Z", "2026-02-30T00:00:00Z", "+275761-01-01T00:00:00Z", "0000-00-00"],
  ...["1969-12-31T23:59:59.999Z", "Tue, 24 Nov 2026 09:30:00 GMT", "Thu, 99 Jan 9999 99:99:99 GMT"],
  ...["{id}", "{foreign}", "{cursor}", "{foreignCursor}", "00000000-0000-0000-0000-000000000000"],
  ...["bytes=0-", "bytes=-1", "bytes=5-1", "bytes=0-0,2-2", `bytes=${"9".repeat(300)}-`],
  ...['"', '""', 'W/"x"', '"x", "y"', "*, *", ",,,", ";;;", "=", "q=0", 'a;b=c;d="e'],
  ...[
    "gzip",
    "identity",
    "chunked",
    "gzip, chunked",
    "close",
    "keep-alive",
    "Upgrade",
    "100-continue",
  ],
  ...[
    "application/json",
    "text/plain",
    "multipart/form-data",
    "multipart/form-data; boundary=",
    "*/*",
  ],
  ...[
    "multipart/form-data; boundary=----boundary",
    'multipart/form-data; boundary="',
    "/;charset=x",
  ],
  ...[
    "sha-256=:BAUnDvSVmw9PMfU2GYkktb6e0uEJyg+33xje3Z9i0j0=:",
    "sha-256=:x:",
    "md5=::",
    "sha-512=1",
  ],
  ...["Bearer", "Bearer x", "Basic eDp5", "Bearer {key:acme}", "Bearer {key:reader}"],
  ...["Bearer {key:expired}", "Bearer {key:other}", "Bearer {key:acme}, Bearer {key:other}"],
  ...["https://evil.test", "null", "127.0.0.1", "::1", "unknown", 'for="[::1]"'],
  ...["a".repeat(300), "%61".repeat(1000), "a".repeat(9000), ",".repeat(5000)],
];

/** Headers that mean something to someone, and leave the request one. */
export const HEADER_NAMES: readonly string[] = [
  ...["Accept", "Accept-Encoding", "Accept-Language", "Content-Digest", "Content-MD5", "Cookie"],
  ...["Forwarded", "Idempotency-Key", "If-Match", "If-Modified-Since", "If-None-Match", "If-Range"],
  ...["If-Unmodified-Since", "Last-Event-ID", "Origin", "Access-Control-Request-Method", "Prefer"],
  ...[
    "Access-Control-Request-Headers",
    "Range",
    "Repr-Digest",
    "TE",
    "Trailer",
    "Via",
    "User-Agent",
  ],
  ...["X-Forwarded-For", "X-Forwarded-Host", "X-Forwarded-Proto", "X-HTTP-Method-Override"],
  ...["X-Request-Id", "X-Tenant-Id", "__proto__", "constructor"],
];

/** Those that say what a request is, where it ends, and whose it is. */
export const FRAMING_NAMES: readonly string[] = [
  ...[
    "Authorization",
    "Connection",
    "Content-Encoding",
    "Content-Length",
    "Content-Type",
    "Expect",
  ],
  ...["Host", "Transfer-Encoding", "Upgrade"],
];

export const METHODS: readonly string[] = [
  ...["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT", "QUERY"],
  ...["PROPFIND", "get", "BREW", "M-SEARCH", ""],
];

/** JSON that fits nothing. */
export const JSONS: readonly string[] = [
  ...["", "null", "true", "1", '""', "[]", "{}", "{", "[[", '{"a":}', "NaN", "1e999", '"\\ud800"'],
  ...['{"__proto__":{"x":1}}', '{"metadata":{}}', '{"metadata":null}', '{"metadata":[]}'],
  ...['{"expires_at":null}', '{"expires_at":"2099-01-01T00:00:00Z"}', '{"expires_at":1}'],
  ...['{"processors":[]}', '{"processors":["text","text"]}', '{"processors":{"length":1}}'],
  ...[
    '{"metadata":{"a":"\\u0000"}}',
    "[".repeat(5000),
    `{"a":${"[".repeat(500)}${"]".repeat(500)}}`,
  ],
  ...[
    `"${"x".repeat(20_000)}"`,
    "\xef\xbb\xbf{}",
    "\xff\xfe{\0}\0",
    "{}{}",
    "{}\0",
    " ".repeat(3000),
  ],
];

/** What a multipart body is made of, and some that it is not. */
export const FORM_PIECES: readonly string[] = [
  ...[
    "\r\n",
    "\n",
    "\r",
    "\r\n\r\n",
    "--",
    "----boundary",
    "\r\n------boundary",
    "------boundary--",
  ],
  ...[
    "\r\n------boundary\r\n",
    "\r\n------boundary--\r\n",
    "\r\n------boundary\r\n\r\n",
    '"',
    ";",
    "\0",
  ],
  ...['\r\n------boundary\r\nContent-Disposition: form-data; name="metadata"\r\n\r\n{"a":1}'],
  ...['\r\n------boundary\r\nContent-Disposition: form-data; name="auto_process"\r\n\r\nx'],
  ...['\r\n------boundary\r\nContent-Disposition: form-data; name="__proto__"\r\n\r\nx'],
  ...['\r\n------boundary\r\nContent-Disposition: form-data; name="file"; filename="b"\r\n\r\ny'],
  ...[
    '\r\n------boundary \t\r\nContent-Disposition: form-data; name="_charset_";\r\n\r\nShift_JIS',
  ],
  ...["\r\n------boundary\r\nContent-Disposition: form-data; name = x\r\n"],
  ...['; filename="a"b"', '; filename="\xe9"'],
  ...[
    '; filename="../../x"',
    "; filename*=UTF-8''%00",
    "; filename*=x",
    '; name="file"',
    '; filename=""',
  ],
  ...[
    "Content-Transfer-Encoding: base64\r\n",
    "Content-Type: multipart/mixed; boundary=c\r\n",
    " a: b\r\n",
  ],
  ...[`X-Long: ${"x".repeat(20_000)}\r\n`, "x".repeat(70_000)],
];

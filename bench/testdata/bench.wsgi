"""The benchmark's site in Python, for mod_wsgi: what bench/internal/site does."""

import json
import os

FILES = os.environ.get("BENCH_FILES", "")
HELLO = b"Hello, World!\n"
SLICES = {}
UPLOAD_BLOCK = 65536
RESPONSE_HEADERS = [
    ("Cache-Control", "private, max-age=60"),
    ("Content-Language", "en"),
    ("Content-Security-Policy", "default-src 'self'"),
    ("Referrer-Policy", "same-origin"),
    ("Strict-Transport-Security", "max-age=31536000"),
    ("Vary", "Cookie"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("X-Response-01", "the value of header 01"),
    ("X-Response-02", "the value of header 02"),
]


def head(content_type, length):
    return [("Content-Type", content_type), ("Content-Length", str(length))]


def slice_of(length):
    """So many bytes, made once: a slice of bytes would be a copy."""
    if length not in SLICES:
        SLICES[length] = b"m" * length
    return SLICES[length]


def flushes():
    for _ in range(1000):
        yield b"0123456789abcde\n"


def application(environ, start_response):
    path = environ["PATH_INFO"]
    if path == "/hello":
        start_response("200 OK", head("text/plain", len(HELLO)))
        return [HELLO]
    if path == "/headers":
        value = environ["HTTP_X_REQUEST_07"].encode("latin-1")
        start_response("200 OK", RESPONSE_HEADERS + head("text/plain", len(value)))
        return [value]
    if path == "/echo":
        document = json.loads(environ["wsgi.input"].read())
        text = json.dumps(document, separators=(",", ":")).encode()
        start_response("200 OK", head("application/json", len(text)))
        return [text]
    if path == "/upload":
        total = 0
        while block := environ["wsgi.input"].read(UPLOAD_BLOCK):
            total += len(block)
        text = str(total).encode()
        start_response("200 OK", head("text/plain", len(text)))
        return [text]
    if path == "/flushes":
        start_response("200 OK", [("Content-Type", "text/plain")])
        return flushes()
    if path.startswith("/memory/"):
        block = slice_of(int(path[8:]))
        start_response("200 OK", head("text/plain", len(block)))
        return [block]
    if path.startswith("/file/"):
        f = open(os.path.join(FILES, os.path.basename(path)), "rb")
        start_response("200 OK", head("text/plain", os.fstat(f.fileno()).st_size))
        return environ["wsgi.file_wrapper"](f)
    start_response("404 Not Found", [("Content-Type", "text/plain")])
    return [b"no such workload\n"]

-- The benchmark's site for mod_lua: what bench/internal/site does, but for /echo and /upload. httpd's Lua has no JSON, and
-- mod_lua reads a body as a whole.
local memory = {}
local files = os.getenv("BENCH_FILES")
local response_headers = {
  { "Cache-Control", "private, max-age=60" },
  { "Content-Language", "en" },
  { "Content-Security-Policy", "default-src 'self'" },
  { "Referrer-Policy", "same-origin" },
  { "Strict-Transport-Security", "max-age=31536000" },
  { "Vary", "Cookie" },
  { "X-Content-Type-Options", "nosniff" },
  { "X-Frame-Options", "DENY" },
  { "X-Response-01", "the value of header 01" },
  { "X-Response-02", "the value of header 02" },
}

local function answer(r, body)
  r.content_type = "text/plain"
  r.headers_out["Content-Length"] = tostring(#body)
  r:write(body)
  return apache2.OK
end

function handle(r)
  local path = r.uri
  if path == "/hello" then
    return answer(r, "Hello, World!\n")
  end
  if path == "/headers" then
    for _, header in ipairs(response_headers) do
      r.headers_out[header[1]] = header[2]
    end
    return answer(r, r.headers_in["X-Request-07"])
  end
  if path == "/flushes" then
    r.content_type = "text/plain"
    for _ = 1, 1000 do
      r:write("0123456789abcde\n")
      r:flush()
    end
    return apache2.OK
  end
  local length = path:match("^/memory/(%d+)$")
  if length then
    memory[length] = memory[length] or string.rep("m", tonumber(length))
    return answer(r, memory[length])
  end
  local name = path:match("^/file/(%w+)$")
  if name then
    r.content_type = "text/plain"
    r.headers_out["Content-Length"] = name
    r:sendfile(files .. "/" .. name)
    return apache2.OK
  end
  return 404
end

---@meta
-- Requests to granted addresses. Types for editors, nothing that runs.

---@class host.http.Options
---@field query? table<string, any> a list repeats its name
---@field headers? table<string, any>
---@field json? any
---@field form? table<string, any>
---@field multipart? table<string, any> a file is `{content=…}` or `{path=…}`, with `name` and `type`
---@field body? string
---@field basic? string[] user and password
---@field bearer? string
---@field timeout? number seconds for one answer
---@field retries? integer more attempts
---@field redirects? integer how many are followed
---@field max_size? integer bytes of the decoded body
---@field download? string a granted file the body of a 2xx answer goes to

---@class host.http.Request : host.http.Options
---@field url string
---@field method? string

---@class host.http.Answer
---@field status integer
---@field headers table<string, string> found in any case
---@field body string
---@field url string where redirects ended
---@field elapsed number seconds
---@field attempts integer
---@field outcome? "rejected"|"unknown" of a change that was not answered with success
---@field path? string of a download
---@field bytes? integer of a download: how many there are
---@field sha256? string of a download: the hash of what is in the file
---@field json fun(): any

http = {}

---@param request host.http.Request
---@return host.http.Answer
function http.request(request) end

---@param url string
---@param options? host.http.Options
---@return host.http.Answer
function http.get(url, options) end

---@param url string
---@param options? host.http.Options
---@return host.http.Answer
function http.head(url, options) end

---@param url string
---@param options? host.http.Options
---@return host.http.Answer
function http.post(url, options) end

---@param url string
---@param options? host.http.Options
---@return host.http.Answer
function http.put(url, options) end

---@param url string
---@param options? host.http.Options
---@return host.http.Answer
function http.patch(url, options) end

---@param url string
---@param options? host.http.Options
---@return host.http.Answer
function http.delete(url, options) end

---@param url string
---@param options? host.http.Options
---@return host.http.Answer
function http.options(url, options) end

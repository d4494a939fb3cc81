---@meta
-- Requests to granted addresses. Types for editors; this file is not run.

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
---@field redirects? integer the most that are followed
---@field max_size? integer bytes of the decoded body
---@field download? string path of a granted file to which the body of a 2xx answer is written

---@class host.http.Request : host.http.Options
---@field url string
---@field method? string

---@class host.http.Answer
---@field status integer
---@field headers table<string, string> names ignore case
---@field body string
---@field url string the URL after redirects
---@field elapsed number seconds
---@field attempts integer
---@field outcome? "rejected"|"unknown" of a change that failed
---@field path? string of a download
---@field bytes? integer of a download: the size of the file
---@field sha256? string of a download: the hash of the file's content
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

---@meta
-- What every script has beyond Lua 5.1's own: types for the Lua language server, nothing that runs.

---Options of one request: the last argument of an operation, or a builder's `:with{…}`.
---@class host.Options
---@field idempotency_key? string
---@field account? string
---@field api_version? string
---@field timeout? number seconds for the answer
---@field retries? integer
---@field headers? table<string, string>
---@field content_type? string of the body, where the API takes several
---@field extra? table<string, any> parameters the catalog does not know
---@field download? string a granted file the answer goes to, of an operation that answers with bytes
---@field max_size? integer bytes of a download

---What all builders are. `create` sends it and gives the id; then `id` and `data`, the whole answer, are set.
---@class host.Builder

---A page of a list: the list of its items. `each` walks all pages, `collect` gives the items of all in one list.
---@class host.Page : table[]
---@field each fun(self: host.Page): fun(): table
---@field collect fun(self: host.Page, max?: integer): table[]

---What a failed call raises.
---@class host.Error
---@field kind "api"|"network"|"timeout"|"unexpected"|"invalid"|"denied"|"limit"|"signature"|"cancelled"|"closed"|"function"|"once"
---@field message string
---@field line? integer
---@field script? string
---@field status? integer
---@field code? string
---@field type? string
---@field param? string
---@field request_id? string
---@field attempts? integer
---@field operation? string
---@field idempotency_key? string
---@field retryable? boolean
---@field outcome? "not_sent"|"rejected"|"unknown"
---@field item? integer of a map: which item failed
---@field phase? string
---@field hint? string
---@field body? any the decoded answer, text where it was no JSON
---@field decline_code? string
---@field advice_code? string
---@field charge? string
---@field doc_url? string
---@field request_log_url? string
---@field payment_intent? table
---@field payment_method? table
---@field setup_intent? table
---@field source? table
---@field [string] any every other member of the API's own error object

---@class host.Task
---@field wait fun(self: host.Task): any
---@field cancel fun(self: host.Task)
---@field status fun(self: host.Task): "running"|"done"|"failed"|"cancelled"

---@param fn fun(...): any
---@return host.Task
function spawn(fn, ...) end

---@param task host.Task
---@return host.Task task, integer place
function wait_any(task, ...) end

---@param ... fun(): any
---@return any ...
function parallel(...) end

---@generic T, R
---@param list T[]
---@param fn fun(item: T, index: integer): R
---@param options? {limit: integer}
---@return R[]
function map(list, fn, options) end

---@param seconds number
function sleep(seconds) end

---@param seconds number
---@param fn fun(...): any
---@return any ...
function with_timeout(seconds, fn, ...) end

---@param fn fun(...): any
---@return any value, host.Error? error
function try(fn, ...) end

---Done by the first run of a batch that comes here; all others wait, and get its results.
---@overload fun(name: string, fn: fun(): any): any ...
---@param fn fun(): any
---@return any ...
function once(fn) end

---@param value any
---@return string
function inspect(value) end

---What an event's handler gets: the event as its sender wrote it. `object` is its data.object.
---@class host.Event
---@field id string
---@field type string
---@field object? table
---@field [string] any

---@param name string an event's name; each `*` in it stands for any text
---@param handler fun(event: host.Event)
function on(name, handler) end

---@type string[]
args = {}
---@type table<string, string?>
env = {}
---@type userdata
STRIPE_API_KEY = nil

log = {}
function log.debug(...) end
function log.info(...) end
function log.warn(...) end
function log.error(...) end

json = { null = nil }
---@param value any
---@return string
function json.encode(value) end
---@param text string
---@return any
function json.decode(text) end
---@generic T
---@param list? T[]
---@return T[]
function json.array(list) end

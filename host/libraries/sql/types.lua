---@meta
-- The granted database, or one of them. Types for editors; this file is not run.

---@alias host.sql.Parameters any[]|table<string, any> a list for `?`, names for `:name`

---@class host.sql.Done
---@field affected integer rows changed
---@field last_id? integer the id of the last row inserted (SQLite)
---@field rows? table<string, any>[] rows of a RETURNING clause

---@class host.sql.Transaction
---@field query fun(self: host.sql.Transaction, statement: string, parameters?: host.sql.Parameters): table<string, any>[]
---@field execute fun(self: host.sql.Transaction, statement: string, parameters?: host.sql.Parameters): host.sql.Done

---@class host.sql.Database
---@field query fun(self: host.sql.Database, statement: string, parameters?: host.sql.Parameters): table<string, any>[]
---@field execute fun(self: host.sql.Database, statement: string, parameters?: host.sql.Parameters): host.sql.Done
---@field transaction fun(self: host.sql.Database, fn: fun(tx: host.sql.Transaction): any): any

sql = {}

---The rows of a statement that only reads; null is nil.
---@param statement string
---@param parameters? host.sql.Parameters
---@return table<string, any>[]
function sql.query(statement, parameters) end

---@param statement string
---@param parameters? host.sql.Parameters
---@return host.sql.Done
function sql.execute(statement, parameters) end

---Commits when `fn` returns, and returns its values. Rolls back if `fn` raises an error.
---@param fn fun(tx: host.sql.Transaction): any
---@return any ...
function sql.transaction(fn) end

---One of several granted databases, by its URL or by the name at the end of the URL.
---@param where string
---@return host.sql.Database
function sql.connect(where) end

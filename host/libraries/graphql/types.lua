---@meta
-- The configured GraphQL endpoint, and clients for others. Types for editors; this file is not run.

---@class host.graphql.Options
---@field url? string another endpoint than the configured one; needs a grant
---@field headers? table<string, any>
---@field schema? string|true path of an SDL file, or true to get it from the server: queries are checked by it before they are sent
---@field timeout? number seconds for one answer
---@field operation? string name of the operation in the document to run

---The data of an answer. `each` iterates over a connection, page by page.
---@class host.graphql.Data
---@field each fun(self: host.graphql.Data, path: string, how?: {cursor: string}): fun(): any
---@field [string] any

---@class host.graphql.Client
---@field query fun(self: host.graphql.Client, query: string, variables?: table<string, any>, options?: host.graphql.Options): host.graphql.Data?, table[]?
---@field mutate fun(self: host.graphql.Client, query: string, variables?: table<string, any>, options?: host.graphql.Options): host.graphql.Data?, table[]?

---Sends a query to the configured endpoint. Data with errors is returned as both; without data the first error is raised.
---@param query string
---@param variables? table<string, any>
---@param options? host.graphql.Options
---@return host.graphql.Data? data
---@return table[]? errors
function graphql_query(query, variables, options) end

---A client for another endpoint.
---@param options? host.graphql.Options
---@return host.graphql.Client
function graphql(options) end

---@meta
-- Files inside the granted folders. Types for editors; this file is not run.

fs = {}

---A file's content: any bytes, up to 64 MB.
---@param path string
---@return string
function fs.read(path) end

---Writes a file, replacing its former content in one step.
---@param path string
---@param text string
function fs.write(path, text) end

---@param path string
---@param text string
function fs.append(path, text) end

---@class host.fs.Entry
---@field name string
---@field type "file"|"folder"|"link"|"other"
---@field size? integer bytes, of a file
---@field modified? number seconds since 1970

---@param folder string
---@return host.fs.Entry[]
function fs.list(folder) end

---@param path string
---@return boolean
function fs.exists(path) end

---Removes a file.
---@param path string
---@return boolean existed whether it existed
function fs.remove(path) end

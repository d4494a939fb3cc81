"""The Lua script that carries out reversals, for undoing durable runs and for test fixtures."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from host.durable.undo import Reversal

__all__ = ["UndoScript", "step"]


def step(what: str, tries: Iterable[tuple[str, Sequence[Any]]]) -> dict[str, Any]:
    """One object to take back, by the first of ``tries`` (operation, arguments) that succeeds; ``what`` names it."""
    return {"what": what, "tries": [{"operation": name, "args": list(args)} for name, args in tries]}


class UndoScript(msgspec.Struct, frozen=True):
    """A script that carries out reversals in order and reports the outcome of each.

    It returns a list with a table for each: ``call``, ``ok`` (taken back, now or before), ``unknown`` (the outcome of
    an attempt is unknown), ``refused`` (the API refused every attempt with a status below 500) and ``problem``.
    """

    steps: list[dict[str, Any]]

    @classmethod
    def of(cls, found: Sequence[Reversal], run: str = "") -> UndoScript:
        """The script for those reversals that can be attempted. ``run``, if given, is shown beside each step."""
        steps = []
        for each in found:
            what = f"{each.entry.operation} {each.entry.id}" + (f" of {run}" if run else "")
            look = None if each.look is None else msgspec.to_builtins(each.look)
            if each.tries:
                steps.append({**step(what, each.tries), "call": each.entry.call, "look": look})
        return cls(steps)

    SOURCE = """
local function named(path)
  local operation = _G
  for name in path:gmatch("[^.]+") do operation = operation[name] end
  return operation
end

local function is_gone(err)
  return type(err) == "table" and (err.status == 404 or err.status == 410 or err.code == "resource_missing")
end

-- Whether it was taken back before; nil where that cannot be seen.
local function is_back(look)
  local ok, found = pcall(named(look.operation), unpack(look.args))
  if not ok then return is_gone(found) or nil end
  for name in look.field:gmatch("[^.]+") do
    if type(found) == "table" then found = found[name] else found = nil end
  end
  local text = found == nil and "" or tostring(found)
  for _, value in ipairs(look.values) do
    if text == value then return true, look.field .. " " .. text end
  end
  return false, look.field .. " " .. (text == "" and "nothing" or text)
end

local function undo(step)
  local problem, unknown, rejected
  local refused = true
  for _, try_ in ipairs(step.tries) do
    local ok, err = pcall(named(try_.operation), unpack(try_.args))
    if ok then
      print("undone   " .. step.what .. "  by " .. try_.operation)
      return true
    end
    if is_gone(err) then
      print("gone     " .. step.what .. ": it is not there any more")
      return true
    end
    problem = tostring(type(err) == "table" and err.message or err)
    unknown = unknown or type(err) == "table" and err.outcome == "unknown"
    local status = type(err) == "table" and type(err.status) == "number" and err.status
    rejected = rejected or status
    refused = refused and status and status < 500
  end
  if rejected and step.look then
    local back, state = is_back(step.look)
    if back then
      print("gone     " .. step.what .. ": it was taken back before" .. (state and " (" .. state .. ")" or ""))
      return true
    end
    if state then problem = problem .. " (its " .. state .. ")" end
  end
  print("NOT DONE " .. step.what .. ": " .. problem)
  return false, unknown, refused, problem
end

local results = {}
for i, step in ipairs(steps) do
  local ok, unknown, refused, problem = undo(step)
  results[i] = {
    call = step.call, ok = ok, unknown = unknown or false, refused = refused or false, problem = problem
  }
end
return results
"""

"""A strictly typed program that embeds the host: checked by mypy, and run."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass
from typing import Any, assert_type

from host import CallError, Host, HostError, Limits, RunContext, RunResult, Script, ScriptError
from host.events import CallEnded, Event


@dataclass
class Quote:
    total: int
    lines: list[str]


class Log:
    def __init__(self) -> None:
        self.operations: list[str] = []

    def emit(self, event: Event) -> None:
        if isinstance(event, CallEnded):
            self.operations.append(event.operation)


class Pricing:
    def __init__(self, log: Log) -> None:
        self.host = Host(simulate=True, limits=Limits(run_time=20), sinks=[log])
        self.host.function(self.rate, effect="read")

        @self.host.function
        async def record(text: str, ctx: RunContext) -> str:
            return f"{ctx.run_id}: {text}"

        @self.host.function(effect="read", name="lines")
        async def walk(count: int) -> AsyncIterator[str]:
            for n in range(count):
                yield f"line {n}"

        self.record = record  # decorated functions keep their types
        self.script: Script = self.host.compile(
            "local all = {} for line in lines(2) do all[#all + 1] = line end\n"
            "record('x') return {total = rate('eur') * 3, lines = all}"
        )

    def rate(self, currency: str) -> int:
        return len(currency)

    async def quote(self) -> Quote:
        result = await self.host.run_async(self.script, returns=Quote)
        assert_type(result, RunResult[Quote])
        return result.raise_for_error().value

    def typed(self) -> None:
        """Each form of a run gives a result of the type it is asked for, and of any without."""
        host = self.host
        assert_type(host.run(self.script, returns=Quote).value, Quote)
        assert_type(host.run_source("return {1}", returns=list[int], timeout=5).value, list[int])
        assert_type(host.run_source("return 1", args=["x"]), RunResult[Any])
        plain: RunResult = host.run(self.script)
        assert_type(plain.value, Any)
        wider: RunResult[object] = host.run_source("return 1", name="one", returns=int)
        assert wider.value == 1

    async def typed_async(self) -> None:
        assert_type(await self.host.run_source_async("return 'x'", returns=str), RunResult[str])
        assert_type((await self.host.run_async(self.script)).value, Any)

    def many(self, jobs: Sequence[str]) -> list[int | None]:
        return [result.error.line if result.error else None for result in self.host.run_many(jobs)]


def reason(error: HostError) -> str:
    if isinstance(error, ScriptError):
        return f"{error.kind} at {error.line}"
    return error.kind if isinstance(error, CallError) else error.message


def main() -> None:
    log = Log()
    pricing = Pricing(log)
    try:
        quote = asyncio.run(pricing.quote())
        pricing.typed()
        asyncio.run(pricing.typed_async())
        print(quote.total, quote.lines, sorted(set(log.operations)))
        failed = pricing.host.run_source("error('x')")
        assert failed.error is not None
        print(reason(failed.error), pricing.many(["return (1)", "local x = nil\nx()"]))
    finally:
        pricing.host.close()


if __name__ == "__main__":
    main()

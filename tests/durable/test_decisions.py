"""Changes in doubt are decided one by one; nothing is done twice and nothing is lost."""

from __future__ import annotations

import random
from pathlib import Path
from typing import Any

import pytest

from host import Host, RunResult, UsageError
from tests.durable.lab import Lab


class Payments:
    """A function without idempotency keys, and what it did in the world outside, which no journal knows."""

    def __init__(self, lab: Lab) -> None:
        self.lab = lab
        self.done: list[str] = []

    def run(self, code: str) -> RunResult:
        with self.lab.host() as host:
            self._offer(host)
            return host.run_source(code, run_id="r", name="pay.lua")

    def resume(self, in_doubt: Any = "ask", run_id: str = "r") -> RunResult:
        with self.lab.host() as host:
            self._offer(host)
            return host.resume(run_id, in_doubt=in_doubt)

    def _offer(self, host: Host) -> None:
        @host.function
        async def pay(who: str) -> str:
            self.done.append(who)
            return f"paid {who}"

    def break_off_at(self, name: str, nth: int = 1) -> None:
        """As if the process had died when this call was sent, for the nth time."""
        seqs = [seq for seq, kind, its in self.lab.log() if (kind, its) == ("sent", name)]
        self.lab.break_off(seqs[nth - 1])


@pytest.fixture
def payments(lab: Lab) -> Payments:
    return Payments(lab)


PARALLEL = """local a, b = parallel(function() local a = pay("A") return a end, function() return (pay("B")) end)
return {a, b}"""
A, B = "call 1 of task 1.1", "call 1 of task 1.2"


def in_doubt(payments: Payments, code: str = PARALLEL) -> None:
    """Both calls were sent; which of them was done the test says."""
    payments.run(code)
    payments.break_off_at("pay", code.count('pay("'))
    payments.done.clear()


def test_each_call_in_doubt_is_listed_with_what_one_needs_to_look(payments: Payments) -> None:
    """Name, script and line, operation, key, arguments and what to look for; the facts have the same."""
    in_doubt(payments)
    error = payments.resume().error
    assert error is not None
    for call, who in ((A, "A"), (B, "B")):
        assert f"pay ({call})" in error.message
        detail = next(line for line in error.message.splitlines() if line.strip().startswith(call))
        for part in ("pay.lua:1", "pay", "no idempotency key", f'["{who}"]', "check whether"):
            assert part in detail
    assert [each["call"] for each in error.facts["calls"]] == [A, B]
    assert error.facts["calls"][0]["arguments"] == ["A"]
    assert f"resume r --journal {payments.lab.path} --in-doubt '{A}=skip'" in (error.hint or "")


def test_secrets_are_not_listed(payments: Payments, lab: Lab) -> None:
    """What is named like a secret is redacted in the arguments shown."""

    def act(work: Any) -> RunResult:
        with lab.host() as host:

            @host.function
            async def send(what: dict[str, str]) -> None:
                return None

            result: RunResult = work(host)
            return result

    act(lambda host: host.run_source('send{to = "me", password = "hunter2"}', run_id="r"))
    payments.break_off_at("send")
    error = act(lambda host: host.resume("r")).error
    assert error is not None
    assert '"to": "me"' in error.message
    assert "hunter2" not in error.message + repr(error.facts)


@pytest.mark.parametrize(
    ("words", "done", "value"),
    [
        ({A: "skip", B: "repeat"}, ["B"], None),
        ({A: "repeat", B: "skip"}, ["A"], None),
        ({A: "repeat", B: "repeat"}, ["A", "B"], ["paid A", "paid B"]),
        ({A: 'done:"it was"', B: "repeat"}, ["B"], ["it was", "paid B"]),
        ({A: ("done", "x"), B: ("done", {"deep": [1, None]})}, [], ["x", {"deep": [1]}]),
        ("repeat", ["A", "B"], ["paid A", "paid B"]),
        ("skip", [], None),
    ],
)
def test_each_is_decided_for_itself(payments: Payments, words: Any, done: list[str], value: Any) -> None:
    """Repeated is what is to be, also where the script ends with what is skipped; done answers as it was said."""
    in_doubt(payments)
    result = payments.resume(words)
    assert sorted(payments.done) == done
    assert result.value == value
    assert (result.error is None) == (value is not None)


def test_decisions_may_come_in_several_commands(payments: Payments) -> None:
    """One is kept while the other is asked about, and may be changed until it is acted on."""
    in_doubt(payments)
    error = payments.resume({A: "skip"}).error
    assert error is not None
    assert [each["call"] for each in error.facts["calls"]] == [B]
    assert payments.done == []
    payments.resume({A: 'done:"yes"'})
    assert payments.resume({B: "repeat"}).value == ["yes", "paid B"]


def test_a_decision_is_taken_back_as_long_as_nothing_was_built_on_it(payments: Payments) -> None:
    """skip, then done, then repeat: each replaces the one before, and the script goes on behind it."""
    in_doubt(payments, 'local who = pay("A") if who == "halt" then error(who) end return who')
    for words, message in (("skip", "skipped"), ({"call 1 of task 1": 'done:"halt"'}, "halt")):
        error = payments.resume(words).error
        assert error is not None
        assert message in error.message
    assert payments.resume({"call 1 of task 1": "repeat"}).value == "paid A"
    assert payments.done == ["A"]


def test_a_blanket_word_leaves_what_was_decided_by_name(payments: Payments) -> None:
    """Who said of one call that it was done is not overruled by a word for all."""
    in_doubt(payments, 'return pay("A")')
    assert payments.resume({"call 1 of task 1": "skip"}).error is not None
    error = payments.resume("repeat").error
    assert error is not None
    assert "call 1 of task 1=repeat" in (error.hint or "")
    assert payments.done == []
    assert payments.resume({"call 1 of task 1": "repeat"}).value == "paid A"


def test_what_was_built_on_cannot_be_taken_back(payments: Payments) -> None:
    """After a further change the decision stands, and says so; a word for all changes nothing."""
    in_doubt(payments, 'pcall(function() pay("A") end) new_product():name("after"):create() error("stop")')
    assert payments.resume("skip").error is not None
    with pytest.raises(UsageError, match="further changes since"):
        payments.resume({"call 1 of task 1": "repeat"})
    assert payments.resume("repeat").error is not None
    assert (payments.done, payments.lab.made()) == ([], 1)


def test_taking_back_keeps_what_other_tasks_got(payments: Payments) -> None:
    """B was repeated beside the skipped A: with A taken back, B's answer is still known and B is not done again."""
    in_doubt(payments)
    payments.resume({A: "skip", B: "repeat"})
    assert payments.done == ["B"]
    assert payments.resume({A: 'done:"a"'}).value == ["a", "paid B"]
    assert payments.done == ["B"]


def test_output_of_another_way_is_shown(payments: Payments) -> None:
    """What was printed after a skip does not hide what is printed where it is taken back."""
    in_doubt(payments, 'print(pcall(function() pay("A") end) and "paid" or "not paid, it seems") error("stop")')
    payments.resume("skip")
    payments.lab.events.clear()
    payments.resume("repeat")
    assert payments.lab.printed() == "paid\n"


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ("maybe", "expected 'ask', 'repeat', 'skip'"),
        (7, "expected 'ask', 'repeat', 'skip'"),
        ({"call 9 of task 1": "skip"}, r"there is no 'call 9 of task 1' .* there are: pay \(call 1 of task 1.1\)"),
        ({A: "maybe"}, "'maybe' is not a decision; expected skip, repeat, done or done:JSON"),
        ({A: "skip:1"}, "is not a decision"),
        ({A: "done:{"}, "is not JSON"),
        ({A: None}, "is not a decision"),
        ({A: ("done", object())}, "cannot cross"),
    ],
)
def test_what_is_no_decision(payments: Payments, words: Any, message: str) -> None:
    """Refused before anything is done or recorded, naming the calls there are or the words there are."""
    in_doubt(payments)
    log = payments.lab.log()
    with pytest.raises(UsageError, match=message):
        payments.resume(words)
    assert payments.lab.log() == log
    assert payments.done == []


def test_the_answer_of_an_api_is_an_object(lab: Lab, payments: Payments) -> None:
    """done of a create needs its id, or an object; the script goes on with it."""
    code = 'local p = new_product():name("a") local id = p:create() return {id, p.data.name}'
    lab.run(code)
    lab.break_off(lab.seq("sent", "stripe.products.create"))
    lab.sql("UPDATE luahost_record SET at = at - 90000")
    call = "call 1 of task 1"
    for wrong in ("done", "done:7", "done:[]"):
        with pytest.raises(UsageError, match="answers with an object"):
            payments.resume({call: wrong})
    assert payments.resume({call: 'done:{"id": "prod_x", "name": "a"}'}).value == ["prod_x", "a"]


def test_a_key_that_was_used_again_after_its_time_is_not_trusted_anew(lab: Lab, payments: Payments) -> None:
    """A key is as old as its first use: repeated and lost once more, the call is in doubt once more."""
    lab.run('return new_product():name("a"):create()')
    lab.break_off(lab.seq("sent", "stripe.products.create"))
    lab.sql("UPDATE luahost_record SET at = at - 90000")
    assert payments.resume("repeat").ok
    payments.break_off_at("stripe.products.create", 2)
    error = payments.resume().error
    assert error is not None
    assert error.kind == "in doubt"
    assert "idempotency key" in error.message


def test_statement_shows_a_repeated_call_once(lab: Lab, payments: Payments) -> None:
    """Sent twice, it is one change."""
    from host.durable.audit_trail import trail_of
    from host.durable.journal import Journal

    in_doubt(payments, 'return pay("A")')
    payments.resume("repeat")
    book = Journal.open(lab.path)
    assert [entry.outcome for entry in trail_of(book.records("r"))] == ["done"]
    book.close()


def scripts(seed: int) -> str:
    """A random script: changes one after another and beside each other, some of whose errors are caught."""
    chance = random.Random(seed)
    lines, names = [], iter("ABCDEFGHIJ")
    for _ in range(chance.randint(1, 3)):
        group = [f'pay("{next(names)}")' for _ in range(chance.randint(1, 3))]
        if len(group) == 1:
            lines.append(chance.choice(["{}", "pcall(function() {} end)"]).format(group[0]))
        else:
            tasks = ", ".join(f"function() pcall(function() {each} end) end" for each in group)
            lines.append(f"parallel({tasks})")
        if chance.random() < 0.4:
            lines.append(f'new_product():name("p{len(lines)}"):create()')
    return "\n".join([*lines, 'return "end"'])


class Killing:
    """A run that is killed again and again, and somebody who looks at what was done before deciding."""

    def __init__(self, folder: Path, seed: int) -> None:
        self.lab = Lab(folder)
        self.payments = Payments(self.lab)
        self.chance = random.Random(seed)
        code = scripts(seed)
        assert self.payments.run(code).value == "end"
        self.wanted, self.made = sorted(self.payments.done), self.lab.made()
        self.rows = self.lab.sql("SELECT * FROM luahost_record ORDER BY seq")
        sent = [row[3:5] for row in self.rows if row[2] == "sent" and row[6] == "pay"]
        self.who = dict(zip(sent, (part[0] for part in code.split('pay("')[1:]), strict=True))

    def begin(self, after: int) -> None:
        """The first run, killed when its log was so long."""
        self.lab.sql("DELETE FROM luahost_record")
        for row in self.rows:
            self.lab.sql(f"INSERT INTO luahost_record VALUES ({', '.join('?' * len(row))})", *row)
        self.payments.done.clear()
        self.kill(after, before=[])

    def kill(self, after: int, before: list[str]) -> None:
        """What an answer is recorded of was done; of what was only sent, some was and some was not."""
        self.lab.break_off(after)
        log = self.lab.sql("SELECT kind, path, n FROM luahost_record WHERE name = 'pay' ORDER BY seq")
        done = list(before)
        for place, who in self.who.items():
            kinds = [kind for kind, *its in log if tuple(its) == place]
            sent = "sent" in kinds[kinds.index("decided") :] if "decided" in kinds else "sent" in kinds
            if who not in done and sent and (kinds[-1] == "answer" or self.chance.random() < 0.5):
                done.append(who)
        self.payments.done[:] = done

    def bring_to_its_end(self) -> RunResult:
        """Decide what is in doubt, in a random order, some of it wrongly at first, until there is nothing left."""
        killed = 0
        while True:
            result = self.payments.resume()
            if result.error is None:
                return result
            assert result.error.kind == "in doubt", result.error
            calls = result.error.facts["calls"]
            self.chance.shuffle(calls)
            if len(calls) > 1 and self.chance.random() < 0.5:
                self.payments.resume({calls[0]["call"]: "skip"})  # changed before it is acted on
            before = list(self.payments.done)
            result = self.payments.resume({each["call"]: self.decision(each) for each in calls})
            assert result.error is None, result.error
            if killed == 2:
                return result
            killed += 1
            decided = max(seq for seq, kind, _ in self.lab.log() if kind == "decided")
            self.kill(self.chance.randint(decided, self.lab.log()[-1][0]), before)

    def decision(self, call: dict[str, Any]) -> str:
        [who] = call["arguments"]
        return f'done:"paid {who}"' if who in self.payments.done else "repeat"


@pytest.mark.parametrize("seed", range(5))
def test_killed_anywhere_and_decided_in_any_order_nothing_is_done_twice_or_lost(tmp_path: Path, seed: int) -> None:
    """Random scripts, killed at each record, and twice more while decisions are acted on: a call not done is
    repeated, one that was done is told its answer. In the end each payment was made exactly once."""
    killing = Killing(tmp_path, seed)
    for after in range(len(killing.rows)):
        killing.begin(after)
        result = killing.bring_to_its_end()
        assert result.value == "end", (seed, after, result.error)
        assert sorted(killing.payments.done) == killing.wanted, (seed, after)
        assert killing.lab.made() == killing.made, (seed, after)

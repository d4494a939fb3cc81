"""Signals while a script runs: the first asks, the second ends, and handlers are put back."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading

import pytest

from host.cli.interrupt import Stuck, call


def test_the_result_or_error_of_the_work_comes_back() -> None:
    """Without a signal, call is what it calls."""
    assert call(lambda: 42, lambda: None) == (42, None)
    with pytest.raises(KeyError):
        call(lambda: {}["x"], lambda: None)


def test_a_signal_asks_the_work_to_stop_and_is_reported() -> None:
    """SIGINT calls stop once, on which the work returns, and its number comes back with the result."""
    stop = threading.Event()

    def work() -> str:
        os.kill(os.getpid(), signal.SIGINT)
        assert stop.wait(30)
        return "stopped"

    assert call(work, stop.set) == ("stopped", signal.SIGINT)


def test_a_signal_is_seen_whatever_the_main_thread_is_at() -> None:
    """Also one that does not break off what it waits in: here each reaches the work's thread while the other waits."""
    main = threading.main_thread().ident
    assert main is not None
    for _ in range(20):
        stop = threading.Event()

        def work(stop: threading.Event = stop) -> bool:
            while sys._current_frames()[main].f_code.co_name not in ("next", "_next"):
                pass
            signal.pthread_kill(threading.get_ident(), signal.SIGINT)
            return stop.wait(30)

        assert call(work, stop.set) == (True, signal.SIGINT)


def test_work_that_does_not_stop_is_left_behind() -> None:
    """After the grace time Stuck carries the shell's status for the signal."""
    release = threading.Event()

    def work() -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        release.wait(30)

    with pytest.raises(Stuck) as caught:
        call(work, lambda: None, grace=0.01)
    release.set()
    assert caught.value.exit_code == 143


def test_work_past_its_limit_and_grace_is_left_behind() -> None:
    """Work that was to end by itself and did not is a limit reached: status 5."""
    release = threading.Event()
    with pytest.raises(Stuck) as caught:
        call(lambda: release.wait(30), lambda: None, limit=0.01, grace=0.01)
    release.set()
    assert caught.value.exit_code == 5


def test_handlers_are_put_back() -> None:
    """After the call Ctrl-C means what it meant before."""
    before = signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)
    call(lambda: None, lambda: None)
    assert (signal.getsignal(signal.SIGINT), signal.getsignal(signal.SIGTERM)) == before


def test_off_the_main_thread_it_just_calls() -> None:
    """A program that uses the command line from a thread is served, without signals."""
    found: list[object] = []
    thread = threading.Thread(target=lambda: found.append(call(lambda: 1, lambda: None)))
    thread.start()
    thread.join()
    assert found == [(1, None)]


def test_a_second_signal_ends_the_process_at_once() -> None:
    """Somebody who presses Ctrl-C twice does not wait for the grace time."""
    program = textwrap.dedent("""
        import os, signal, threading, time
        from host.cli.interrupt import REPEATED, call
        def work():
            os.kill(os.getpid(), signal.SIGINT)
            stopping.wait()
            time.sleep(REPEATED * 2)
            os.kill(os.getpid(), signal.SIGINT)
            threading.Event().wait()
        stopping = threading.Event()
        call(work, stopping.set, grace=60)
    """)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, timeout=30)
    assert (done.returncode, done.stderr) == (130, b"")


def test_one_signal_sent_twice_is_one() -> None:
    """`timeout`, `npm run` or a shell send it to the process and to its group: nothing is cut short by that."""
    program = textwrap.dedent("""
        import os, signal, threading
        from host.cli.interrupt import call
        def work():
            os.kill(os.getpid(), signal.SIGINT)
            stopping.wait()
            threading.Thread(target=lambda: os.kill(os.getpid(), signal.SIGINT), daemon=True).start()
            return "done"
        stopping = threading.Event()
        print(call(work, stopping.set, grace=60))
    """)
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=30)
    assert (done.returncode, done.stderr, done.stdout) == (0, "", f"('done', {int(signal.SIGINT)})\n")

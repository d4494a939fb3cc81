"""Network namespaces as machines: each has an address of its own, and its link can be cut. Needs root and Linux."""

from __future__ import annotations

import os
import subprocess
from types import TracebackType

__all__ = ["Machines"]

NET = "10.77.0"


class Machines:
    """``count`` machines on one bridge, which this machine is on as :attr:`address`; gone at the end."""

    address = f"{NET}.1"
    network = f"{NET}.0/24"

    def __init__(self, count: int) -> None:
        self._name = f"lh{os.getpid() % 100_000}"
        self._count = count

    def __enter__(self) -> Machines:
        bridge = f"{self._name}b"
        _ip(f"link add {bridge} type bridge")
        _ip(f"addr add {self.address}/24 dev {bridge}")
        _ip(f"link set {bridge} up")
        for number in range(self._count):
            space = self._space(number)
            _ip(f"netns add {space}")
            _ip(f"link add {self._link(number)} type veth peer name eth0 netns {space}")
            _ip(f"link set {self._link(number)} master {bridge} up")
            _ip(f"-n {space} addr add {NET}.{number + 10}/24 dev eth0")
            _ip(f"-n {space} link set eth0 up")
            _ip(f"-n {space} link set lo up")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        for number in range(self._count):
            _ip(f"link del {self._link(number)}", check=False)
            _ip(f"netns del {self._space(number)}", check=False)
        _ip(f"link del {self._name}b", check=False)

    def command(self, number: int) -> list[str]:
        """What begins a command that runs on a machine, in the process it is started as."""
        return ["ip", "netns", "exec", self._space(number)]

    def cut(self, number: int) -> None:
        """Nothing comes from the machine or to it; connections stay open."""
        _ip(f"link set {self._link(number)} down")

    def mend(self, number: int) -> None:
        """Let it back."""
        _ip(f"link set {self._link(number)} up")

    def _space(self, number: int) -> str:
        return f"{self._name}n{number}"

    def _link(self, number: int) -> str:
        return f"{self._name}v{number}"


def _ip(words: str, *, check: bool = True) -> None:
    subprocess.run(["ip", *words.split()], check=check, stderr=None if check else subprocess.DEVNULL)

"""Benchmarks: this project and its peers, interleaved in one run. ``python -m benchmarks --help``."""

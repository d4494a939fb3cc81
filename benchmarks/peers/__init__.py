"""One program per peer, all with the command line of :mod:`benchmarks.peers.driver`."""

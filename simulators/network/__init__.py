"""A bad network on order: a TCP proxy between programs, which delays, loses, holds and cuts what it is told to.

`Network` runs it inside a test, `python -m simulators.network` as a program with a control surface over HTTP.
"""

from simulators.network.network import Network

__all__ = ["Network"]

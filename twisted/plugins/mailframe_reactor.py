"""Offer mailframe's reactor to ``twistd --reactor``."""

from twisted.application.reactors import Reactor

lean = Reactor(
    "mailframe",
    "mailframe.net.lean_reactor",
    "Twisted's epoll reactor without a log context for each event; Linux only.",
)

"""Filing in a process beside this one, while many messages come.

Filing needs the interpreter for as long as taking messages in does, and there is
one interpreter to a process. The process is given what waits to be filed, in the
order in which it came, and does with it what this one would have done
(:mod:`.filing`). Meanwhile nothing else is done to that account here.

What it was given stays in memory here until it has answered. If it does not, or
says that something went wrong, filing goes on here.

Source: DESIGN.md section 5; docs/decisions/0009-a-process-that-files.rst.
"""

import marshal
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from mailframe.storage.put_off import UNDER_WAY_MAX, Outcome, UnderWay
from mailframe.storage.side_process import SideProcess

if TYPE_CHECKING:
    from mailframe.storage.maildir.filing import Filing, Unfiled

START_MESSAGES = 500
"""Messages that come within START_SECONDS from which on the process is worth it."""

START_SECONDS = 5.0

_FACTS = 2048
"""Octets of a request for what is not content, for each message; more than enough."""


Filed = list[tuple[str, int, int, int]]
"""Mailbox ID, the mod-sequence up to which all is filed, mtimes of new/ and cur/."""


class Sent(UnderWay):
    """Messages of one account that the process was given.

    Attributes:
        messages: They.
        left: Whether others were left behind for want of room.
        over: Whether there is an answer, or none will come.
        filed: The answer; ``None`` if something went wrong.
    """

    def __init__(
        self,
        filing: "Filing",
        collect: Callable[[bool], None],
        messages: "Sequence[Unfiled]",
        left: bool,
    ) -> None:
        """Begin; for :meth:`Filer.take`."""
        self.messages = messages
        self.left = left
        self.over = False
        self.filed: Filed | None = None
        self._filing = filing
        self._collect = collect

    def answered(self, answer: bytes | None) -> None:
        """Take the answer of the process."""
        self.over = True
        if answer is not None:
            self.filed = marshal.loads(answer)  # noqa: S302 - our own process

    def is_over(self, wait: bool) -> bool:
        """Tell whether it is over, or wait until it is."""
        if not self.over:
            self._collect(False)
        while wait and not self.over:
            self._collect(True)
        return self.over

    def outcome(self, wait: bool) -> Outcome:
        """Return what came of it."""
        return self._filing.after(self, wait) if self.is_over(wait) else self


class Filer:
    """Gives messages to the process; for the writer thread."""

    def __init__(self, process: SideProcess, seconds: Callable[[], float]) -> None:
        """Begin without a process.

        Args:
            process: Runs :func:`.filing_process.main`.
            seconds: A clock that never goes back.
        """
        self._process = process
        self._seconds = seconds
        self._since = float("-inf")
        self._many = 0

    def expect(self, count: int) -> None:
        """Hear that messages came; if they are many now, have a process begin.

        Args:
            count: How many.
        """
        now = self._seconds()
        if now - self._since > START_SECONDS:
            self._since, self._many = now, 0
        self._many += count
        if self._many >= START_MESSAGES:
            self._process.start()

    def take(
        self, filing: "Filing", root: str, address: str, messages: "Sequence[Unfiled]"
    ) -> Sent | None:
        """Have the first of some messages filed, as many as there is room for.

        Args:
            filing: Told when that is over.
            root: The account's directory.
            address: Whose it is.
            messages: All that wait.

        Returns:
            What is under way, or ``None`` if the process takes nothing now.
        """
        room = self._process.available() // (UNDER_WAY_MAX + 1)
        taken = []
        for one in messages:
            room -= len(one.octets) + _FACTS
            if room < 0:
                break
            facts = one.mailbox_id, tuple(one.file), one.modseq, one.octets, one.date
            taken.append(facts)
        if not taken:
            return None
        left = len(taken) < len(messages)
        sent = Sent(filing, self._process.collect, messages[: len(taken)], left)
        self._process.send(marshal.dumps((root, address, taken)), sent.answered)
        return sent

    def close(self) -> None:
        """Wait for what is under way, and end the process."""
        self._process.close()

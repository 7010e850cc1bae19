"""Tell in the log that a server does not answer, and that it does again."""

import threading

from twisted.logger import Logger


class ServerTrouble:
    """Of one server; from several threads at a time."""

    def __init__(self, log: Logger, server: str) -> None:
        """Begin with none.

        Args:
            log: The log of whoever asks.
            server: What it is called, without secrets.
        """
        self._log = log
        self._server = server
        self._lock = threading.Lock()
        self._why = ""

    def tell(self, why: str) -> None:
        """Say why there is no answer, once for each reason."""
        with self._lock:
            new, self._why = why != self._why, why
        if new:
            self._log.error("{server}: {why}", server=self._server, why=why)

    def over(self) -> None:
        """Say that it answers again, if it did not."""
        with self._lock:
            why, self._why = self._why, ""
        if why:
            self._log.info("{server}: answers again", server=self._server)

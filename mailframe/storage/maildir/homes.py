"""Where users were at home when their accounts were last used.

After a crash the journal is replayed before anybody can be asked; and a directory
that is away keeps nobody from mail whose place is known. One line of JSON for each
user, address and home; the last one counts.

Source: DESIGN.md section 5.
"""

import json
import os
import threading

from mailframe.storage.os_layer import OSLayer, refusal

FILE = "homes"


class Homes:
    """The homes of a realm's users; written by reading threads, one at a time."""

    def __init__(self, state_dir: str, os_layer: OSLayer) -> None:
        """Know none yet.

        Args:
            state_dir: Where the file is.
            os_layer: How to change files.
        """
        self._path = os.path.join(state_dir, FILE)
        self._os_layer = os_layer
        self._lock = threading.Lock()
        self._homes: dict[str, str] = {}

    def read(self) -> None:
        """Read the file; what cannot be understood, such as a torn end, is not.

        Raises:
            OSError: It is there, and cannot be read.
        """
        try:
            with open(self._path, "rb") as file:
                lines = file.read().split(b"\n")
        except FileNotFoundError:
            return
        for line in lines:
            try:
                address, home = json.loads(line)
                self._homes[str(address)] = str(home)
            except (ValueError, TypeError):
                continue

    def get(self, address: str) -> str | None:
        """Return the home of a user, if one is known."""
        return self._homes.get(address)

    def note(self, address: str, home: str) -> None:
        """Keep the home of a user, durably.

        Raises:
            TemporaryFailure: The disk refuses.
        """
        # A line of its own even behind a torn one.
        octets = b"\n" + json.dumps([address, home]).encode() + b"\n"
        with self._lock:
            try:
                fresh = not os.path.exists(self._path)
                fd = self._os_layer.open(
                    self._path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600
                )
                try:
                    self._os_layer.write(fd, octets)
                    self._os_layer.fsync(fd)
                finally:
                    self._os_layer.close(fd)
                if fresh:
                    self._os_layer.fsync_dir(os.path.dirname(self._path))
            except OSError as error:
                raise refusal(error) from error
            self._homes[address] = home

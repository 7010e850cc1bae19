"""What the process of :mod:`.test_side_process` runs."""

import os
import signal
import time

from mailframe.storage.side_process import serve


def answer(request: bytes) -> bytes:
    """Do what is asked."""
    if request == b"die":
        os.kill(os.getpid(), signal.SIGKILL)
    if request == b"hang":
        # Until it is killed, by a test that does not wait so long.
        time.sleep(60)
    if request == b"who":
        return str(os.getpid()).encode()
    return request.upper()


def main() -> None:
    """Answer requests."""
    serve(answer)

"""A filter over Sendmail's libmilter that says what it hears; a program of its own.

Each line begins with the number of the client.

It asks to hear of recipients that are refused, refuses the HELO ``bad.example`` and
the content of ``nodata@b.example``. Arguments: the library and a port.
"""

import ctypes
import os
import sys
from collections.abc import Callable
from itertools import count
from typing import Any

CONTINUE, REFUSE = 0, 1
_RCPT_REJ = 0x800
_VERSION = 0x01000001

_Context = ctypes.c_void_p
_Strings = ctypes.POINTER(ctypes.c_char_p)
_Long = ctypes.c_ulong
_Longs = ctypes.POINTER(_Long)
_int = ctypes.c_int

# The callbacks of struct smfiDesc in libmilter/mfapi.h, in their order.
_CALLBACKS = (
    ("connect", (ctypes.c_char_p, ctypes.c_void_p)),
    ("helo", (ctypes.c_char_p,)),
    ("mail", (_Strings,)),
    ("rcpt", (_Strings,)),
    ("header", (ctypes.c_char_p, ctypes.c_char_p)),
    ("eoh", ()),
    ("body", (ctypes.c_void_p, ctypes.c_size_t)),
    ("end", ()),
    ("abort", ()),
    ("close", ()),
    ("unknown", (ctypes.c_char_p,)),
    ("data", ()),
    ("negotiate", (_Long,) * 4 + (_Longs,) * 4),
)
_TYPES = {
    name: ctypes.CFUNCTYPE(_int, _Context, *arguments) for name, arguments in _CALLBACKS
}


class _Description(ctypes.Structure):
    _fields_ = (
        ("name", ctypes.c_char_p),
        ("version", _int),
        ("flags", _Long),
        *_TYPES.items(),
    )


class Filter:
    """One filter; libmilter calls it in threads of its own."""

    def __init__(self, library: Any) -> None:
        """Speak through a libmilter that is loaded."""
        self._library = library
        library.smfi_getsymval.restype = ctypes.c_char_p
        library.smfi_getsymval.argtypes = (_Context, ctypes.c_char_p)
        self._sender = b""
        self._numbers: dict[Any, int] = {}
        self._count = count(1)

    def callbacks(self) -> dict[str, Any]:
        """Return what libmilter is to call."""
        return {
            name: made(getattr(self, f"_{name}", self._nothing))
            for name, made in _TYPES.items()
        }

    def _say(self, context: Any, what: str, *macros: str) -> int:
        for name in macros:
            found = self._library.smfi_getsymval(context, f"{{{name}}}".encode())
            what += f" {name}={(found or b'').decode()}"
        # In one piece: other clients have threads of their own.
        os.write(1, f"{self._numbers.get(context, 0)} {what}\n".encode())
        return CONTINUE

    def _nothing(self, context: Any, *ignored: Any) -> int:
        return CONTINUE

    def _negotiate(self, context: Any, *numbers: Any) -> int:
        offered, wanted = numbers[:4], numbers[4:]
        for one in wanted:
            one[0] = 0
        wanted[1][0] = offered[1] & _RCPT_REJ
        return CONTINUE

    def _connect(self, context: Any, host: bytes, address: Any) -> int:
        self._numbers[context] = next(self._count)
        return self._say(context, "connect", "client_addr")

    def _helo(self, context: Any, name: bytes) -> int:
        self._say(context, f"helo {name.decode()}", "tls_version")
        return REFUSE if name == b"bad.example" else CONTINUE

    def _mail(self, context: Any, words: Any) -> int:
        self._sender = words[0]
        return self._say(context, f"mail {words[0].decode()}")

    def _rcpt(self, context: Any, words: Any) -> int:
        macros = ("rcpt_mailer", "rcpt_host", "rcpt_addr")
        return self._say(context, f"rcpt {words[0].decode()}", *macros)

    def _data(self, context: Any) -> int:
        self._say(context, "data")
        return REFUSE if self._sender == b"<nodata@b.example>" else CONTINUE

    def _end(self, context: Any) -> int:
        return self._say(context, "end")

    def _abort(self, context: Any) -> int:
        return self._say(context, "abort")

    def _close(self, context: Any) -> int:
        self._say(context, "close")
        self._numbers.pop(context, None)
        return CONTINUE


def main(path: str, port: str) -> None:
    """Serve until somebody ends it."""
    library: Any = ctypes.CDLL(path)
    register: Callable[[_Description], int] = library.smfi_register
    register.argtypes = (_Description,)  # type: ignore[attr-defined]
    callbacks = Filter(library).callbacks()
    register(_Description(b"test", _VERSION, 0, *callbacks.values()))
    library.smfi_setconn(f"inet:{port}@127.0.0.1".encode())
    library.smfi_main()


if __name__ == "__main__":
    main(*sys.argv[1:])

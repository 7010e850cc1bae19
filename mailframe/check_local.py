"""What ``mailframe check`` sees on this machine: files, certificates, ports."""

import errno
import os
import re
import socket
import stat
from collections.abc import Iterator
from pathlib import Path

from mailframe.config import HostConfig, Listener
from mailframe.finding import Finding
from mailframe.net.tls_files import CertificateFile, TLSFileError, find, names_for, read

SOON = 14 * 86_400.0
"""Seconds before a certificate's end from which that is worth a word."""

_TCP = re.compile(r"tcp6?:(?:port=)?([0-9]+)(?:.*:interface=([^:]+))?")


def state_dir(config: HostConfig) -> Finding:
    """Look at the state directory."""
    path = config.state_dir
    try:
        mode = path.stat().st_mode
    except FileNotFoundError:
        return Finding("ok", "state", f"{path} is made at the first start")
    except OSError as error:
        return Finding("bad", "state", f"{path}: {error.strerror}", "see its parents")
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        return Finding(
            "bad",
            "state",
            f"{path}: not ours to write",
            f"chown it to uid {os.geteuid()}",
        )
    if stat.S_IMODE(mode) & 0o077:
        return Finding(
            "warn", "state", f"{path}: others can see in", f"chmod 700 {path}"
        )
    return Finding("ok", "state", str(path))


def certificates(
    config: HostConfig, now: float
) -> tuple[list[Finding], list[CertificateFile]]:
    """Look at the certificates; return them too, the first first.

    Args:
        config: Of the host.
        now: Seconds since 1970.
    """
    paths, key = list(config.tls.certificates), config.tls.key
    made = config.state_dir / "tls" / "certificate.pem"
    if not paths and config.tls.acme is None and made.exists():
        paths, key = [made], made.with_name("key.pem")
    kept = config.state_dir / "acme" / "certificates"
    if config.tls.acme is not None and kept.exists():
        paths.insert(0, kept)
    if not paths:
        return [Finding("warn", "tls", "no certificate yet", "start the host once")], []
    findings: list[Finding] = []
    found: list[CertificateFile] = []
    try:
        for files in find(paths, key):
            one = read(files)
            found.append(one)
            findings += _certificate(one, files.key, now)
    except TLSFileError as error:
        mend = "put certificate, chain and key there, PEM, in that order"
        return [Finding("bad", "tls", str(error), mend)], found
    names = {name for one in found for name in one.names}
    if names.isdisjoint(names_for(config.hostname)):
        findings.append(
            Finding(
                "bad",
                "tls",
                f"no certificate is for {config.hostname}",
                "get one for that name, or set --hostname to one of: "
                + (", ".join(sorted(names)) or "none"),
            )
        )
    return findings, found


def _certificate(one: CertificateFile, key: Path, now: float) -> Iterator[Finding]:
    names = ", ".join(one.names) or "no name"
    leaf = one.chain[0]
    until = f"until {leaf.not_valid_after_utc:%Y-%m-%d}"
    if one.expires <= now:
        yield Finding("bad", "tls", f"{one.path}: expired", "renew it")
    elif one.expires - now < SOON:
        yield Finding("warn", "tls", f"{one.path}: only {until}", "renew it")
    elif leaf.issuer == leaf.subject:
        yield Finding(
            "warn",
            "tls",
            f"{one.path}: self-signed, for {names}",
            "clients must be told to trust it; or see --acme, --tls-certificate",
        )
    else:
        yield Finding("ok", "tls", f"{one.path}: for {names}, {until}")
    if stat.S_IMODE(key.stat().st_mode) & 0o077:
        mend = f"chmod 600 {key}"
        yield Finding("warn", "tls", f"{key}: others can read the key", mend)


def ports(config: HostConfig) -> Iterator[Finding]:
    """See whether the ports can be had."""
    for listener in config.listeners:
        found = _TCP.fullmatch(listener.endpoint)
        if found is not None:
            yield _port(listener, int(found[1]), found[2] or "")


def _port(listener: Listener, number: int, interface: str) -> Finding:
    what = f"{listener.service} on {listener.endpoint}"
    try:
        socket.create_server((interface.replace("\\", ""), number)).close()
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            return Finding("ok", "port", f"{what}: in use; by this host, if it runs")
        mend = "start as root with --uid, or allow it (CAP_NET_BIND_SERVICE)"
        if error.errno != errno.EACCES:
            mend = "name an address of this machine"
        return Finding("bad", "port", f"{what}: {error.strerror}", mend)
    return Finding("ok", "port", what)

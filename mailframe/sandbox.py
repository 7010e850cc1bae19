"""What ``twistd mailframe`` without options offers: an account and how to use it.

The account ``demo@localhost`` is made once, with a random password that is
shown once; only its hash is kept.
"""

import secrets

from mailframe.auth.passwd_file import PasswdFile
from mailframe.auth.password_hash import hash_argon2id
from mailframe.config import BadConfig, HostConfig

ADDRESS = "demo@localhost"

_ALPHABET = "abcdefghijkmnpqrstuvwxyz23456789"

_TEXT = """\
mailframe sandbox: everything on loopback, mail in {state_dir}
{account}

receive   swaks --server localhost:8025 --to demo@localhost
send      swaks --server localhost:8587 -tls --auth-user demo@localhost \\
                --auth-password {password} --from demo@localhost --to demo@localhost
read      curl -k --ssl-reqd -u demo@localhost:{password} 'imap://localhost:8143/INBOX;UID=1'
          curl -k --ssl-reqd -u demo@localhost:{password} pop3://localhost:8110/1
client    IMAP localhost 8143 STARTTLS or 8993 TLS, POP3 8110 STLS or 8995 TLS,
          submission 8587 STARTTLS or 8465 TLS; user {address}; the certificate
          is self-signed: {state_dir}/tls/certificate.pem
Nothing leaves this machine: mail to other domains stays in the queue
(mailframe queue list).
"""


def prepare_sandbox(config: HostConfig) -> str:
    """Make the account if there is none, and return what to tell the operator.

    Raises:
        BadConfig: The state directory cannot be written.
    """
    path = config.state_dir / "passwd"
    try:
        password = _made_account(PasswdFile(str(path)))
    except OSError as error:
        raise BadConfig(f"{error.filename or path}: {error.strerror}") from None
    if password:
        account = f"{ADDRESS}  password: {password}"
    else:
        account = (
            f"{ADDRESS}  password: as shown when it was made; for another:"
            f" mailframe user passwd --state-dir {config.state_dir} {ADDRESS}"
        )
    return _TEXT.format(
        state_dir=config.state_dir,
        account=account,
        address=ADDRESS,
        password=password or "PASSWORD",
    )


def _made_account(file: PasswdFile) -> str | None:
    """Return the new account's password, or ``None`` when it is there already."""
    try:
        file.check_new(ADDRESS)
    except ValueError:
        return None
    password = "-".join(
        "".join(secrets.choice(_ALPHABET) for _ in range(4)) for _ in range(4)
    )
    file.add(ADDRESS, hash_argon2id(password.encode()))
    return password

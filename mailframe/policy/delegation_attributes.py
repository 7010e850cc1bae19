"""What a policy service is told of a client, by Postfix's names.

Source: Postfix's SMTPD_POLICY_README, "Protocol description".
"""

from mailframe.model.address import Address
from mailframe.model.client_certificate import NO_CERTIFICATE
from mailframe.model.envelope import Origin
from mailframe.policy.client_name import ClientName
from mailframe.smtp.client_commands import xtext


def of_client(origin: Origin, called: ClientName) -> dict[str, str]:
    """Return all attributes, those of a message still empty.

    Args:
        origin: Where it is and how it comes.
        called: What it is called.
    """
    version, _, cipher = (origin.tls or "").partition(" ")
    certificate = origin.certificate or NO_CERTIFICATE
    return {
        "request": "smtpd_access_policy",
        "protocol_state": "",
        "protocol_name": "SMTP" if origin.protocol == "SMTP" else "ESMTP",
        "helo_name": origin.helo,
        "queue_id": "",
        "instance": "",
        "client_address": origin.client_address or "127.0.0.1",
        "client_port": str(origin.client_port or ""),
        "client_name": called.verified,
        "reverse_client_name": called.reverse,
        "sender": "",
        "recipient": "",
        "recipient_count": "0",
        "sasl_method": origin.login_method,
        "sasl_username": origin.user or "",
        "sasl_sender": "",
        "size": "0",
        "ccert_subject": xtext(certificate.subject),
        "ccert_issuer": xtext(certificate.issuer),
        "ccert_fingerprint": certificate.fingerprint,
        "ccert_pubkey_fingerprint": certificate.key_fingerprint,
        "encryption_protocol": version,
        "encryption_cipher": cipher,
        "encryption_keysize": str(origin.tls_bits),
        "etrn_domain": "",
        "stress": "",
        "server_address": origin.server_address or "",
        "server_port": str(origin.server_port or ""),
    }


def of_recipients(taken: list[Address]) -> dict[str, str]:
    """Return how many recipients a message has, and who it is if there is one."""
    return {
        "recipient": str(taken[0]) if len(taken) == 1 else "",
        "recipient_count": str(len(taken)),
    }

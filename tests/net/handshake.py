"""A TLS handshake in memory, with a client of the standard library."""

import ssl

from OpenSSL import SSL

from mailframe.net.tls import ServerTLS


def shake_hands(
    tls: ServerTLS,
    context: ssl.SSLContext,
    name: str | None,
    resumed: ssl.SSLSession | None = None,
) -> tuple[ssl.SSLObject, SSL.Connection]:
    """Return both ends of a session, the client's first.

    Args:
        tls: The server's.
        context: The client's.
        name: Which server the client asks for.
        resumed: A session to go on with.
    """
    incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
    client = context.wrap_bio(incoming, outgoing, server_hostname=name, session=resumed)
    server = SSL.Connection(tls.getContext(), None)
    server.set_accept_state()
    for _ in range(5):
        try:
            client.do_handshake()
        except ssl.SSLWantReadError:
            pass
        octets = outgoing.read()
        if octets:
            server.bio_write(octets)
        try:
            server.do_handshake()
        except SSL.WantReadError:
            pass
        try:
            incoming.write(server.bio_read(65_536))
        except SSL.WantReadError:
            break
    return client, server

"""Feed random and mutated input to the IMAP grammar and to sessions.

Started by hand::

    python -m tests.fuzz.imap_million --inputs 1000000 --seconds 1800

The seed is printed; the same seed gives the same run.
"""

import random
import sys

from tests.fuzz import million
from tests.fuzz.imap_world import COMMANDS, ODD, Session, parse_with_everything


def mutated(chance: random.Random, octets: bytes) -> bytes:
    """Return ``octets`` with up to four changes."""
    for _ in range(chance.randrange(1, 5)):
        if chance.randrange(6):
            octets = million.changed(chance, octets, ODD)
        else:
            words = octets.split(b" ")
            other = chance.choice(COMMANDS).split(b" ")
            words[chance.randrange(len(words))] = chance.choice(other)
            octets = b" ".join(words)
    return octets


def try_grammar(chance: random.Random) -> int:
    """Give one text to every function of the grammar; return how many inputs."""
    words = chance.choice(COMMANDS).split(b" ")
    octets = b" " + b" ".join(words[chance.randrange(2) :])
    parse_with_everything(mutated(chance, octets))
    return 1


def try_session(chance: random.Random) -> int:
    """Hold one session; return how many inputs it had."""
    session = Session(
        tls=chance.randrange(2) == 0,
        trusted=chance.randrange(2) == 0,
        login=chance.randrange(8) != 0,
        grammar=chance.randrange(4) == 0,
    )
    if chance.randrange(4):
        session.feed(b"s SELECT INBOX\r\n")
    inputs = 0
    for number in range(chance.randrange(1, 60)):
        octets = b"a%d %b\r\n" % (number, chance.choice(COMMANDS))
        if chance.randrange(3):
            octets = mutated(chance, octets)
        inputs += 1
        cut = chance.randrange(len(octets) + 1)
        for piece in (octets[:cut], octets[cut:]):
            session.feed(piece)
        if session.over:
            break
    session.close()
    return inputs


if __name__ == "__main__":
    sys.exit(million.run(sys.argv[1:], __doc__, texts=try_grammar, inputs=try_session))

"""The directory the tests of the LDAP backend use, and a file of options for it."""

from base64 import b64encode
from collections.abc import Sequence

from mailframe.auth.ldap import questions, servers
from mailframe.auth.ldap.checker import LDAPChecker
from mailframe.auth.ldap.options import read_options
from tests.auth.checker_case import REACTOR, CheckerCase
from tests.auth.slapd import BASE, SERVICE_DN, SERVICE_PASSWORD, Slapd

ENTRIES = f"""
dn: {BASE}
objectClass: organization
objectClass: dcObject
o: Example
dc: example

dn: {SERVICE_DN}
objectClass: organizationalRole
objectClass: simpleSecurityObject
cn: mailframe
userPassword: {SERVICE_PASSWORD}

dn: ou=people,{BASE}
objectClass: organizationalUnit
ou: people

dn: ou=groups,{BASE}
objectClass: organizationalUnit
ou: groups

dn: uid=alice,ou=people,{BASE}
objectClass: inetOrgPerson
objectClass: posixAccount
uid: alice
cn: Alice
sn: A
uidNumber: 1
gidNumber: 1
homeDirectory: /home/alice
mail: alice@example.org
mail: Sales@Example.ORG
employeeNumber: 10M
title: director
userPassword: pä ss

dn: uid=bob,ou=people,{BASE}
objectClass: inetOrgPerson
uid: bob
cn: Bob
sn: B
mail: bob@example.org
userPassword: bob

dn: uid=st\\2aar\\2a,ou=people,{BASE}
objectClass: inetOrgPerson
uid: st*ar*
cn: Star
sn: S
mail: st*ar@example.org
userPassword: star

dn: uid=müller\\2c x,ou=people,{BASE}
objectClass: inetOrgPerson
uid: müller, x
cn: M
sn: M
mail: mueller@xn--bcher-kva.example
userPassword: m

dn: uid=nomail,ou=people,{BASE}
objectClass: inetOrgPerson
uid: nomail
cn: N
sn: N
userPassword: n

dn: uid=twin1,ou=people,{BASE}
objectClass: inetOrgPerson
uid: twin1
cn: T
sn: T
mail: twin@example.org
userPassword: t

dn: uid=twin2,ou=people,{BASE}
objectClass: inetOrgPerson
uid: twin2
cn: T
sn: T
mail: twin@example.org
userPassword: t
""" + "".join(
    f"""
dn: cn=team{number:02},ou=groups,{BASE}
objectClass: groupOfNames
cn: team{number:02}
member: uid=alice,ou=people,{BASE}
"""
    for number in range(25)
)

SERVICE = f"""
[service]
dn = "{SERVICE_DN}"
password = "{SERVICE_PASSWORD}"
"""


def text_of(path: str) -> str:
    """Return the text of a file."""
    with open(path, encoding="utf-8") as file:
        return file.read()


def ldif(text: str) -> str:
    """Return LDIF with what is not ASCII in base64, as RFC 2849 has it."""
    lines = []
    for line in text.splitlines():
        name, colon, value = line.partition(": ")
        if not line.isascii():
            line = f"{name}:: {b64encode(value.encode()).decode()}"
        lines.append(line)
    return "\n".join(lines)


class SlapdCase(CheckerCase):
    """A slapd for each test."""

    def setUp(self) -> None:
        super().setUp()
        self.slapd = Slapd(ldif(ENTRIES))
        self.addCleanup(self.slapd.close)
        self.patch(servers, "_log", self)
        self.patch(questions, "_log", self)

    def checker(
        self,
        text: str = SERVICE,
        head: str = "",
        servers: Sequence[str] = (),
        ca: str | None = None,
    ) -> LDAPChecker:
        """Return a checker.

        Args:
            text: The tables of its file.
            head: What comes before them.
            servers: URLs; the slapd's with StartTLS if there are none.
            ca: The CA's certificate; the slapd's if there is none.
        """
        path = self.write(
            f"servers = {list(servers) or [self.slapd.url()]}\n"
            f'ca = "{self.slapd.ca if ca is None else ca}"\n'
            f'base = "{BASE}"\n{head}\n{text}\n'
        )
        checker = LDAPChecker(read_options(path), REACTOR, "example.org")
        self.addCleanup(checker.close)
        return checker

"""Messages as nobody should send them, and random ones that are sound.

Line ends are CRLF unless they are what is broken. One table, hence its length.
"""

from random import Random

BROKEN: dict[str, bytes] = {
    "plain": (
        b"From: a@b.c\r\n"
        b"To: d@e.f\r\n"
        b"Subject: hi\r\n"
        b"Date: Mon, 7 Feb 1994 21:52:25 -0800\r\n"
        b"Message-ID: <1@x>\r\n"
        b"\r\n"
        b"hello\r\n"
    ),
    "no_header": (b"\r\nbody only\r\n"),
    "only_header": b"Subject: x\r\n",
    "only_header_empty": (b"Subject: x\r\n\r\n"),
    "no_colon": (b"Subject x\r\nFrom: a@b\r\n\r\nbody\r\n"),
    "repeat": (
        b"Subject: one\r\n"
        b"Subject: two\r\n"
        b"From: a@b.c\r\n"
        b"From: d@e.f\r\n"
        b"To: x@y.z\r\n"
        b"To: p@q.r\r\n"
        b"Date: d1\r\n"
        b"Date: d2\r\n"
        b"Message-ID: <1>\r\n"
        b"Message-ID: <2>\r\n"
        b"\r\n"
    ),
    "eightbit": (
        b"Subject: gr\xfc\xdfe\r\n"
        b"From: J\xf6rg <j@x.y>\r\n"
        b'To: "\xc3\xa4" <a@b.c>\r\n'
        b"\r\n"
        b"x\r\n"
    ),
    "groups": (
        b"From: a@b.c\r\n"
        b'To: friends: a@b.c, "B" <b@c.d>;, undisclosed-recipients:;, z@y.x\r\n'
        b"Cc: empty:;\r\n"
        b"\r\n"
    ),
    "comments": (
        b"From: (c1) John (mid) Doe (c2) <john(c3)@(c4)ex.org(c5)> (c6)\r\n"
        b"To: mary@x.y (Mary Smith)\r\n"
        b"Reply-To: (only comment)\r\n"
        b"\r\n"
    ),
    "route": (
        b"From: <@a.b,@c.d:joe@e.f>\r\n"
        b"To: joe\r\n"
        b"Cc: <>\r\n"
        b"Bcc: <joe>\r\n"
        b"Sender: @domain\r\n"
        b"\r\n"
    ),
    "quoted_local": (
        b'From: "a b"@x.y\r\n'
        b'To: "quo\\"ted" <x@y.z>\r\n'
        b'Cc: a."b c".d@x.y\r\n'
        b"Bcc: first last <f@l>\r\n"
        b"\r\n"
    ),
    "obs": (
        b"From: a . b @ c . d\r\n"
        b"To: ,, a@b ,, c@d ,\r\n"
        b"Cc: a@[1.2.3.4]\r\n"
        b"Bcc: a@b c@d\r\n"
        b"\r\n"
    ),
    "broken_addr": (
        b"From: <unclosed@x.y\r\n"
        b"To: a@b.c>\r\n"
        b'Cc: "unclosed <a@b>\r\n'
        b"Bcc: name <a@b> trailing\r\n"
        b"Reply-To: a@@b\r\n"
        b"Sender: =?utf-8?q?x?= <e@w>\r\n"
        b"\r\n"
    ),
    "empty_fields": (
        b"From:\r\n"
        b"Sender:\r\n"
        b"Reply-To:\r\n"
        b"To:\r\n"
        b"Subject:\r\n"
        b"Date:\r\n"
        b"Message-ID:\r\n"
        b"In-Reply-To:\r\n"
        b"\r\n"
    ),
    "empty_sender": (b"From: a@b.c\r\nSender:\r\nReply-To:   \r\nSubject: \r\n\r\n"),
    "folded": (
        b"Subject: one\r\n"
        b" two\r\n"
        b"\tthree\r\n"
        b"From: a@b.c,\r\n"
        b" d@e.f\r\n"
        b"Message-ID:\r\n"
        b" <1@x>\r\n"
        b"In-Reply-To: <2@x>\r\n"
        b"   <3@x>\r\n"
        b"\r\n"
        b"x"
    ),
    "barelf": b"Subject: x\nFrom: a@b.c\n\nbody\nline\n",
    "mixed_eol": (b"Subject: x\r\nFrom: a@b.c\n\r\nbody\n\nline\r\n"),
    "space_before_colon": (
        b"Subject : x\r\nFrom\t: a@b.c\r\nContent-Type : text/html\r\n\r\nx\r\n"
    ),
    "ct_broken": (b"Content-Type: text\r\n\r\nx\r\n"),
    "ct_broken2": (b"Content-Type: /plain\r\n\r\nx\r\n"),
    "ct_broken3": (b"Content-Type: text/\r\n\r\nx\r\n"),
    "ct_html": (b'Content-Type: TEXT/Html; CHARSET="us-ascii"; x=y; x=z\r\n\r\nx\r\n'),
    "ct_noval": (
        b"Content-Type: text/plain; charset; format=flowed; ; =x\r\n\r\nx\r\n"
    ),
    "ct_comment": (
        b"Content-Type: text/(c)plain; (d) charset (e) = (f) utf-8 (g)\r\n\r\nx\r\n"
    ),
    "ct_empty": (b"Content-Type:\r\n\r\nx\r\n"),
    "ct_repeat": (b"Content-Type: text/html\r\nContent-Type: image/png\r\n\r\nx\r\n"),
    "ct_app": (
        b"Content-Type: application/octet-stream\r\n"
        b"Content-Transfer-Encoding: BASE64\r\n"
        b"Content-ID: <1@x>\r\n"
        b"Content-Description: d e s\r\n"
        b"Content-MD5: abc==\r\n"
        b'Content-Disposition: attachment; filename="a.txt"; size=5\r\n'
        b"Content-Language: en, de\r\n"
        b"Content-Location: http://x/\r\n"
        b"\r\n"
        b"aGVsbG8=\r\n"
    ),
    "cd_empty": (
        b"Content-Type: image/png\r\n"
        b"Content-Disposition:\r\n"
        b"Content-Language:\r\n"
        b"Content-Transfer-Encoding:\r\n"
        b"\r\n"
        b"x\r\n"
    ),
    "cd_params": (b"Content-Disposition: inline\r\nContent-Language: en\r\n\r\nx"),
    "rfc2231": (
        b"Content-Type: application/x; name*0*=utf-8'en'%41%20; name*1=b; name*2*=%c3%a4\r\n"  # noqa: E501
        b"Content-Disposition: attachment; filename*=iso-8859-1''%e4.txt\r\n"
        b"\r\n"
        b"x"
    ),
    "rfc2231_cont": (
        b"Content-Type: message/external-body; access-type=URL;\r\n"
        b' URL*0="ftp://";\r\n'
        b' URL*1="cs.utk.edu/pub/moore/bulk-mailer/bulk-mailer.tar"\r\n'
        b"\r\n"
        b"x"
    ),
    "rfc2231_gap": (
        b"Content-Type: application/x; name*0=a; name*2=c; name*1=b; other*=''x%; z*1=q\r\n"  # noqa: E501
        b"\r\n"
        b"x"
    ),
    "boundary2231": (
        b"Content-Type: multipart/mixed; boundary*0=a; boundary*1=b\r\n"
        b"\r\n"
        b"--ab\r\n"
        b"\r\n"
        b"x\r\n"
        b"--ab--\r\n"
    ),
    "mp": (
        b"Subject: m\r\n"
        b"MIME-Version: 1.0\r\n"
        b'Content-Type: multipart/mixed; boundary="b"\r\n'
        b"\r\n"
        b"pre\r\n"
        b"--b\r\n"
        b"\r\n"
        b"one\r\n"
        b"--b\r\n"
        b"Content-Type: text/html\r\n"
        b"\r\n"
        b"<p>\r\n"
        b"--b--\r\n"
        b"epi\r\n"
    ),
    "mp_noclose": (
        b"Subject: m\r\n"
        b"MIME-Version: 1.0\r\n"
        b'Content-Type: multipart/mixed; boundary="b"\r\n'
        b"\r\n"
        b"--b\r\n"
        b"\r\n"
        b"one\r\n"
        b"--b\r\n"
        b"Content-Type: text/html\r\n"
        b"\r\n"
        b"<p>\r\n"
    ),
    "mp_never": (
        b"Subject: m\r\n"
        b"MIME-Version: 1.0\r\n"
        b'Content-Type: multipart/mixed; boundary="b"\r\n'
        b"\r\n"
        b"there is no boundary here\r\n"
    ),
    "mp_empty": (
        b"Subject: m\r\n"
        b"MIME-Version: 1.0\r\n"
        b'Content-Type: multipart/mixed; boundary="b"\r\n'
        b"\r\n"
    ),
    "mp_onlyclose": (
        b"Subject: m\r\n"
        b"MIME-Version: 1.0\r\n"
        b'Content-Type: multipart/mixed; boundary="b"\r\n'
        b"\r\n"
        b"--b--\r\n"
    ),
    "mp_emptyparts": (
        b"Subject: m\r\n"
        b"MIME-Version: 1.0\r\n"
        b'Content-Type: multipart/mixed; boundary="b"\r\n'
        b"\r\n"
        b"--b\r\n"
        b"--b\r\n"
        b"\r\n"
        b"--b\r\n"
        b"\r\n"
        b"\r\n"
        b"--b--\r\n"
    ),
    "mp_noboundary": (
        b"Content-Type: multipart/mixed\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n"
    ),
    "mp_emptyboundary": (
        b'Content-Type: multipart/mixed; boundary=""\r\n\r\n--\r\n\r\nx\r\n----\r\n'
    ),
    "mp_spaces": (
        b"Subject: m\r\n"
        b"MIME-Version: 1.0\r\n"
        b'Content-Type: multipart/mixed; boundary="b"\r\n'
        b"\r\n"
        b"--b  \r\n"
        b"\r\n"
        b"one\r\n"
        b"--b \t\r\n"
        b"\r\n"
        b"two\r\n"
        b"--b-- \r\n"
    ),
    "mp_prefix": (
        b"Subject: m\r\n"
        b"MIME-Version: 1.0\r\n"
        b'Content-Type: multipart/mixed; boundary="b"\r\n'
        b"\r\n"
        b"--b\r\n"
        b"\r\n"
        b"one\r\n"
        b"--bc\r\n"
        b"not a boundary\r\n"
        b"--b\r\n"
        b"\r\n"
        b"two\r\n"
        b"--b--x\r\n"
        b"more\r\n"
        b"--b--\r\n"
    ),
    "mp_boundary_trailing_space": (
        b"Subject: m\r\n"
        b"MIME-Version: 1.0\r\n"
        b'Content-Type: multipart/mixed; boundary="b "\r\n'
        b"\r\n"
        b"--b \r\n"
        b"\r\n"
        b"one\r\n"
        b"--b --\r\n"
    ),
    "mp_lf": b'Subject: m\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary="b"\n\n--b\n\none\n--b\n\ntwo\n--b--\n',  # noqa: E501
    "mp_nested_same": (
        b"Subject: m\r\n"
        b"MIME-Version: 1.0\r\n"
        b'Content-Type: multipart/mixed; boundary="b"\r\n'
        b"\r\n"
        b"--b\r\n"
        b"Content-Type: multipart/mixed; boundary=b\r\n"
        b"\r\n"
        b"--b\r\n"
        b"\r\n"
        b"inner\r\n"
        b"--b--\r\n"
        b"--b--\r\n"
    ),
    "mp_nested_prefix": (
        b"Subject: m\r\n"
        b"MIME-Version: 1.0\r\n"
        b'Content-Type: multipart/mixed; boundary="b"\r\n'
        b"\r\n"
        b"--b\r\n"
        b"Content-Type: multipart/mixed; boundary=bb\r\n"
        b"\r\n"
        b"--bb\r\n"
        b"\r\n"
        b"inner\r\n"
        b"--bb--\r\n"
        b"--b\r\n"
        b"\r\n"
        b"x\r\n"
        b"--b--\r\n"
    ),
    "mp_nested_prefix2": (
        b"Subject: m\r\n"
        b"MIME-Version: 1.0\r\n"
        b'Content-Type: multipart/mixed; boundary="bb"\r\n'
        b"\r\n"
        b"--bb\r\n"
        b"Content-Type: multipart/mixed; boundary=b\r\n"
        b"\r\n"
        b"--b\r\n"
        b"\r\n"
        b"inner\r\n"
        b"--b--\r\n"
        b"--bb\r\n"
        b"\r\n"
        b"x\r\n"
        b"--bb--\r\n"
    ),
    "mp_nested_unclosed": (
        b"Subject: m\r\n"
        b"MIME-Version: 1.0\r\n"
        b'Content-Type: multipart/mixed; boundary="b"\r\n'
        b"\r\n"
        b"--b\r\n"
        b"Content-Type: multipart/alternative; boundary=c\r\n"
        b"\r\n"
        b"--c\r\n"
        b"\r\n"
        b"inner\r\n"
        b"--c\r\n"
        b"Content-Type: text/html\r\n"
        b"\r\n"
        b"x\r\n"
        b"--b\r\n"
        b"\r\n"
        b"after\r\n"
        b"--b--\r\n"
    ),
    "mp_outer_in_header": (
        b"Subject: m\r\n"
        b"MIME-Version: 1.0\r\n"
        b'Content-Type: multipart/mixed; boundary="b"\r\n'
        b"\r\n"
        b"--b\r\n"
        b"Content-Type: text/html\r\n"
        b"--b\r\n"
        b"\r\n"
        b"x\r\n"
        b"--b--\r\n"
    ),
    "mp_digest": (
        b"Subject: m\r\n"
        b"MIME-Version: 1.0\r\n"
        b'Content-Type: multipart/digest; boundary="b"\r\n'
        b"\r\n"
        b"--b\r\n"
        b"\r\n"
        b"Subject: in\r\n"
        b"\r\n"
        b"body\r\n"
        b"--b\r\n"
        b"Content-Type: text/plain\r\n"
        b"\r\n"
        b"t\r\n"
        b"--b--\r\n"
    ),
    "mp_noblank": (
        b"Subject: m\r\n"
        b"MIME-Version: 1.0\r\n"
        b'Content-Type: multipart/mixed; boundary="b"\r\n'
        b"\r\n"
        b"--b\r\n"
        b"Content-Type: text/html\r\n"
        b"--b--\r\n"
    ),
    "mp_partnohdr": (
        b"Subject: m\r\n"
        b"MIME-Version: 1.0\r\n"
        b'Content-Type: multipart/mixed; boundary="b"\r\n'
        b"\r\n"
        b"--b\r\n"
        b"hello there\r\n"
        b"world\r\n"
        b"--b--\r\n"
    ),
    "rfc822": (
        b"Subject: outer\r\n"
        b"Content-Type: message/rfc822\r\n"
        b"\r\n"
        b"Subject: inner\r\n"
        b"From: i@n.n\r\n"
        b"Content-Type: text/html\r\n"
        b"\r\n"
        b"in\r\n"
        b"in2\r\n"
    ),
    "rfc822_empty": (b"Subject: outer\r\nContent-Type: message/rfc822\r\n\r\n"),
    "rfc822_b64": (
        b"Subject: outer\r\n"
        b"Content-Type: message/rfc822\r\n"
        b"Content-Transfer-Encoding: base64\r\n"
        b"\r\n"
        b"U3ViamVjdDogeA0KDQp4DQo=\r\n"
    ),
    "rfc822_mp": (
        b"Subject: m\r\n"
        b"MIME-Version: 1.0\r\n"
        b'Content-Type: multipart/mixed; boundary="b"\r\n'
        b"\r\n"
        b"--b\r\n"
        b"Content-Type: message/rfc822\r\n"
        b"\r\n"
        b"Content-Type: multipart/mixed; boundary=c\r\n"
        b"Subject: q\r\n"
        b"\r\n"
        b"--c\r\n"
        b"\r\n"
        b"one\r\n"
        b"--c--\r\n"
        b"--b\r\n"
        b"\r\n"
        b"last\r\n"
        b"--b--\r\n"
    ),
    "rfc822_rfc822": (
        b"Content-Type: message/rfc822\r\n"
        b"\r\n"
        b"Content-Type: message/rfc822\r\n"
        b"\r\n"
        b"Subject: deep\r\n"
        b"\r\n"
        b"x\r\n"
    ),
    "partial": (b'Content-Type: message/partial; id="x"; number=1\r\n\r\nabc\r\n'),
    "delivery": (
        b"Subject: m\r\n"
        b"MIME-Version: 1.0\r\n"
        b'Content-Type: multipart/report; boundary="b"\r\n'
        b"\r\n"
        b"--b\r\n"
        b"\r\n"
        b"note\r\n"
        b"--b\r\n"
        b"Content-Type: message/delivery-status\r\n"
        b"\r\n"
        b"Reporting-MTA: dns; x\r\n"
        b"\r\n"
        b"Final-Recipient: rfc822; y\r\n"
        b"--b\r\n"
        b"Content-Type: text/rfc822-headers\r\n"
        b"\r\n"
        b"Subject: z\r\n"
        b"--b--\r\n"
    ),
    "cte_weird": (b"Content-Transfer-Encoding: x-uuencode (comment)\r\n\r\nx"),
    "cte_junk": (b"Content-Transfer-Encoding: 8bit 7bit; foo\r\n\r\nx"),
    "no_final_newline": (b"Subject: x\r\n\r\nlast line"),
    "mp_no_final_newline": (
        b"Subject: m\r\n"
        b"MIME-Version: 1.0\r\n"
        b'Content-Type: multipart/mixed; boundary="b"\r\n'
        b"\r\n"
        b"--b\r\n"
        b"\r\n"
        b"one\r\n"
        b"--b--"
    ),
    "header_only_space": (b"Subject: x\r\n \r\nTo: a@b\r\n\r\nbody\r\n"),
    "first_line_folded": (b" folded: first\r\nSubject: x\r\n\r\nbody\r\n"),
    "tab_subject": (b"Subject:\tx\ty \r\n\r\nbody\r\n"),
    "date_ws": (
        b"Date:  Mon,\r\n 7 Feb 1994 21:52:25 -0800  \r\nMessage-Id: <1>\r\n\r\n"
    ),
    "mailman_from_line": (
        b"From someone Mon Feb 7 21:52:25 1994\r\nSubject: x\r\n\r\nbody\r\n"
    ),
    "quoted_pairs": (
        b'Content-Type: text/plain; name="a\\"b\\\\c"\r\n'
        b'Content-Disposition: attachment; filename="x\\y"\r\n'
        b"\r\n"
        b"x"
    ),
    "long_param": b"Content-Type: text/plain; name=%b\r\n\r\nx" % (b"x" * 2000),
    "8bit_param": (
        b'Content-Type: text/plain; name="\xe4"\r\nContent-Description: \xe4\r\n\r\nx'
    ),
    "unquoted_special": (b"Content-Type: text/plain; name=a b c.txt; x=1\r\n\r\nx"),
    "unquoted_slash": (
        b"Content-Type: multipart/mixed; boundary=a/b=c\r\n"
        b"\r\n"
        b"--a/b=c\r\n"
        b"\r\n"
        b"x\r\n"
        b"--a/b=c--\r\n"
    ),
    "unclosed_quote": (
        b'Content-Type: multipart/mixed; boundary="b\r\n\r\n--b\r\n\r\nx\r\n--b--\r\n'
    ),
    "angle_msgid": (
        b'Message-ID: junk\r\nIn-Reply-To: Your message of "x" <1@y>\r\n\r\n'
    ),
    "bare_cr": (b"Subject: a\rb\r\nFrom: a@b.c\r\r\n\r\nbo\rdy\r\n"),
    "nul": (b'Subject: a\x00b\r\nFrom: "n\x00" <a@b.c>\r\n\r\nbo\x00dy\r\n'),
}
"""By what is broken in each."""

_TYPES = (
    "text/plain",
    "text/html; charset=utf-8",
    'image/png; name="x y.png"',
    "application/pdf; name=x",
    "message/rfc822",
    "multipart/mixed",
    "multipart/alternative",
    "multipart/digest",
)
_FIELDS = (
    ("Subject", ("a", "=?utf-8?b?w6Q=?=", "x\r\n y")),
    ("From", ("a@b.c", '"N" <n@m.o>, p@q', "g: a@b, c@d;", "x y z <a@b>")),
    ("To", ("t@u.v", "Last First <f@l.m>", "<u@v>")),
    ("Date", ("Mon, 7 Feb 1994 21:52:25 -0800",)),
    ("Message-ID", ("<1@2>",)),
    ("Cc", ("k: ;", "d@e (Name)")),
    ("Content-Transfer-Encoding", ("base64", "7bit", "quoted-printable", "x")),
    ("Content-Disposition", ("inline", "attachment; filename*0=a; filename*1=b")),
    ("Content-Language", ("en, de",)),
)
_TEXTS = ("", "one", "one\r\n", "one\r\ntwo\r\n", "\r\n", "--b", "--\r\n--bbb\r\n")


def random_message(random: Random, depth: int = 0) -> bytes:
    """Return a message, or a part of one, with parts in parts; some do not close."""
    kind = random.choice(_TYPES if depth < 5 else _TYPES[:4])
    boundary = f"B{random.randrange(10**9)}x"
    is_multipart = kind.startswith("multipart/")
    lines = [f"Content-Type: {kind}{f'; boundary={boundary}' * is_multipart}"]
    for name, values in _FIELDS:
        if random.random() < 0.3:
            lines.append(f"{name}: {random.choice(values)}")
    head = "".join(f"{line}\r\n" for line in lines).encode() + b"\r\n"
    if kind.startswith("message/"):
        return head + random_message(random, depth + 1) + b"\r\nend"
    if not is_multipart:
        return head + random.choice(_TEXTS).encode()
    body = random.choice(("", "before\r\n")).encode()
    for _ in range(random.randrange(4)):
        body += b"--%b\r\n" % boundary.encode()
        body += random_message(random, depth + 1)
        if random.random() < 0.9:
            body += b"\r\n"
    if random.random() < 0.85:
        body += b"--%b--\r\n" % boundary.encode()
    return head + body + random.choice(("", "after\r\n")).encode()

"""What the server says, in German: a table from our own texts.

A text that is not here is said in English. ``tests/imap/test_language.py`` sees that
all are.

Source: RFC 5255 section 3.2.
"""

from collections.abc import Mapping

TEXTS: Mapping[str, str] = {
    # What came of a command.
    "%s completed": "%s abgeschlossen",
    "Logged in": "Angemeldet",
    "Logging out": "Abmeldung",
    "Begin TLS negotiation now": "Die TLS-Aushandlung kann beginnen",
    "DEFLATE active": "DEFLATE ist aktiv",
    "IDLE terminated": "IDLE beendet",
    "Moved": "Verschoben",
    "Replacement ready": "Der Ersatz liegt bereit",
    "Mailbox": "Postfach",
    "First unseen": "Die erste ungelesene Nachricht",
    "UIDs valid": "Gültigkeit der UIDs",
    "Predicted next UID": "Die voraussichtlich nächste UID",
    "Highest": "Der höchste Stand",
    "Flags permitted": "Erlaubte Markierungen",
    "Working": "In Arbeit",
    "The mailbox was left": "Das Postfach wurde verlassen",
    "Not all messages": "Nicht alle Nachrichten",
    "Languages listed": "Die Sprachen sind aufgezählt",
    "Language changed": "Sprachwechsel ausgeführt",
    "The key was changed": "Der Schlüssel wurde geändert",
    # Why not.
    "That cannot be done": "Das geht nicht",
    "Not now, please try again later": "Nicht jetzt, bitte versuchen Sie es später",
    "There is no room to store it": "Dafür ist kein Platz mehr",
    "Another session is using it": "Eine andere Sitzung benutzt es",
    "You may not do that": "Das ist Ihnen nicht erlaubt",
    "The mailbox is read-only": "Das Postfach kann nur gelesen werden",
    "This account cannot do that": "Dieses Konto kann das nicht",
    "There is no such mailbox": "Dieses Postfach gibt es nicht",
    "There is such a mailbox already": "Dieses Postfach gibt es schon",
    "There are mailboxes below it": "Es hat Unterpostfächer",
    "A mailbox cannot have this name": "So kann kein Postfach heißen",
    "Some of the messages no longer exist": "Einige der Nachrichten gibt es nicht mehr",
    "The quota does not allow it": "Das überschreitet den zugeteilten Platz",
    "The message is too large": "Die Nachricht ist zu groß",
    "The charset is not known": "Der Zeichensatz ist unbekannt",
    "That is more than is allowed": "Das ist mehr als erlaubt",
    "Internal error": "Interner Fehler",
    "Authentication failed": "Die Anmeldung ist fehlgeschlagen",
    "Authentication cancelled": "Die Anmeldung wurde abgebrochen",
    "No IMAP for this user": "Kein IMAP für diesen Benutzer",
    "Not without TLS": "Nicht ohne TLS",
    "There is no such mechanism": "Dieses Verfahren gibt es nicht",
    "This language is not spoken here": "Diese Sprache wird hier nicht gesprochen",
    "A charset after ENABLE UTF8=ACCEPT": "Kein Zeichensatz nach ENABLE UTF8=ACCEPT",
    "There is no such filter": "Diesen Filter gibt es nicht",
    "A FILTER is in UTF-8": "Ein FILTER ist in UTF-8",
    "A filter must be a search program": "Ein Filter muss eine Suche sein",
    "Another mailbox has this special use": (
        "Ein anderes Postfach hat diese besondere Verwendung"
    ),
    "There is no such special use here": "Diese besondere Verwendung gibt es nicht",
    "The transfer encoding is not known": "Die Übertragungskodierung ist unbekannt",
    "At least %s messages in a batch": "Mindestens %s Nachrichten in einem Stapel",
    "The batches are too large": "Die Stapel sind zu groß",
    "The value is too large": "Der Wert ist zu groß",
    "The server's entries cannot be changed": (
        "Die Einträge des Servers können nicht geändert werden"
    ),
    "That is too many annotations": "Das sind zu viele Anmerkungen",
    "The special use cannot be changed": (
        "Die besondere Verwendung kann nicht geändert werden"
    ),
    "Too many messages": "Zu viele Nachrichten",
    "Too many mailboxes": "Zu viele Postfächer",
    "Too many contexts": "Zu viele Suchkontexte",
    "This account has no quota": "Dieses Konto hat keine Begrenzung",
    "There is no such resource": "Dieses Betriebsmittel gibt es nicht",
    "There is no such quota root": "Diese Begrenzung gibt es nicht",
    "No message numbers after ENABLE UIDONLY": (
        "Keine Nachrichtennummern nach ENABLE UIDONLY"
    ),
    "DEFLATE is active already": "DEFLATE ist schon aktiv",
    "An event that is not known here": "Ein hier unbekanntes Ereignis",
    "This account has no access lists": "Dieses Konto hat keine Zugriffslisten",
    "This account keeps no annotations": "Dieses Konto hat keine Anmerkungen",
    "A message cannot have a NUL": "Eine Nachricht kann kein NUL enthalten",
    "A message cannot be empty": "Eine Nachricht kann nicht leer sein",
    "ENABLE UTF8=ACCEPT before such a header": (
        "Vor einem solchen Kopf ist ENABLE UTF8=ACCEPT nötig"
    ),
    "The URL means nothing here": "Der URL bedeutet hier nichts",
    "INBOX cannot be deleted": "INBOX kann nicht gelöscht werden",
    "Literal too large": "Das Literal ist zu groß",
    "What the URL means is not there": "Was der URL bedeutet, ist nicht da",
    "All keys removed": "Alle Schlüssel sind entfernt",
    "That mechanism is not known": "Dieses Verfahren ist unbekannt",
    # The end.
    "Line too long": "Die Zeile ist zu lang",
    "That is not compressed": "Das ist nicht komprimiert",
    "Autologout; idle for too long": "Abgemeldet nach zu langer Untätigkeit",
    "The server is shutting down": "Der Server wird beendet",
    "This is an IMAP server": "Dies ist ein IMAP-Server",
    "Too many failed logins": "Zu viele fehlgeschlagene Anmeldungen",
    "Too many errors": "Zu viele Fehler",
    "The session cannot be used any more": "Die Sitzung ist nicht mehr brauchbar",
    # What the grammar wanted.
    "Unknown command": "Unbekannter Befehl",
    "Not a command of this state": "In diesem Zustand kein Befehl",
    "expected %s": "erwartet: %s",
    "expected %s at position %s": "erwartet an Stelle %2$s: %1$s",
    "BODY, BINARY or BODYPARTSTRUCTURE": "BODY, BINARY oder BODYPARTSTRUCTURE",
    "a URL of your own": "ein eigener URL",
    "a mailbox that exists": "ein vorhandenes Postfach",
    "a user in the URL": "ein Benutzer im URL",
    "an absolute URL without a token": "ein absoluter URL ohne Beweis",
    "an access identifier in the URL": "eine Zugriffsbezeichnung im URL",
    "either BODY or BINARY": "entweder BODY oder BINARY",
    "fewer URLs": "weniger URLs",
    "fewer mechanisms": "weniger Verfahren",
    "0, 1 or infinity": "0, 1 oder infinity",
    "CHANGEDSINCE beside VANISHED": "CHANGEDSINCE neben VANISHED",
    "ENABLE QRESYNC before this": "zuvor ENABLE QRESYNC",
    "HEADER, HEADER.FIELDS, HEADER.FIELDS.NOT, MIME or TEXT": (
        "HEADER, HEADER.FIELDS, HEADER.FIELDS.NOT, MIME oder TEXT"
    ),
    "MAXSIZE or DEPTH, each once": "MAXSIZE oder DEPTH, jedes einmal",
    "SAVE with the selected mailbox alone": "SAVE nur mit dem gewählten Postfach",
    "SET or NONE": "SET oder NONE",
    "TEXT, UTF8 or URL": "TEXT, UTF8 oder URL",
    "a count of octets above 0": "eine Anzahl von Oktetten über 0",
    "a date such as 1-Feb-1994": "ein Datum wie 1-Feb-1994",
    'a date and time such as "17-Jul-1996 02:44:25 -0700"': (
        'Datum und Uhrzeit wie "17-Jul-1996 02:44:25 -0700"'
    ),
    "a date and time": "Datum und Uhrzeit",
    "a language such as de-AT": "eine Sprache wie de-AT",
    "a literal without NUL": "ein Literal ohne NUL",
    "a literal": "ein Literal",
    "a literal8": "ein literal8",
    "a mailbox": "ein Postfach",
    "a message as a literal": "eine Nachricht als Literal",
    "a message number of this mailbox": "eine Nachrichtennummer dieses Postfachs",
    "a modifier of FETCH that is not for UID FETCH only": (
        "ein Zusatz von FETCH, der nicht nur für UID FETCH ist"
    ),
    "a modifier of FETCH": "ein Zusatz von FETCH",
    "a modifier of STORE": "ein Zusatz von STORE",
    "a name in modified UTF-7": "ein Name in modifiziertem UTF-7",
    "a number below 4294967296": "eine Zahl unter 4294967296",
    "a parameter of CREATE": "ein Parameter von CREATE",
    "a parameter of SELECT": "ein Parameter von SELECT",
    "a part number before MIME": "eine Teilnummer vor MIME",
    "a part number of a message": "eine Teilnummer einer Nachricht",
    "a range such as 1:100 or -1:-100": "ein Bereich wie 1:100 oder -1:-100",
    "a return option that is known and new": "eine bekannte Option, jede nur einmal",
    "a search key": "ein Suchschlüssel",
    "a search that is FUZZY": "eine Suche mit FUZZY",
    "a section": "ein Abschnitt",
    "a selected mailbox": "ein gewähltes Postfach",
    "a set of message numbers": "eine Menge von Nachrichtennummern",
    "a set of numbers in ascending order": "eine aufsteigende Menge von Nummern",
    "a set of numbers without *": "eine Menge von Nummern ohne *",
    "a shorter answer": "eine kürzere Antwort",
    "a shorter pattern": "ein kürzeres Muster",
    "a smaller literal": "ein kleineres Literal",
    "a sort criterion": "ein Sortiermerkmal",
    "a space": "ein Leerzeichen",
    "a special use such as \\Sent": "eine besondere Verwendung wie \\Sent",
    "a status item": "eine Angabe von STATUS",
    "a string": "eine Zeichenkette",
    "a system flag or a keyword": "eine Markierung oder ein Schlüsselwort",
    "a tag that no context has": "eine Kennung, die kein Suchkontext hat",
    "a tag": "eine Kennung",
    "a tag and a command": "eine Kennung und ein Befehl",
    "a command": "ein Befehl",
    "an algorithm that CAPABILITY names": "ein Verfahren, das CAPABILITY nennt",
    "an atom": "ein Atom",
    "an entry such as /private/comment": "ein Eintrag wie /private/comment",
    "an event of messages": "ein Ereignis von Nachrichten",
    "an identifier such as a user name": "eine Bezeichnung wie ein Benutzername",
    "an initial response, or = for an empty one": (
        "eine erste Antwort, oder = für eine leere"
    ),
    "an object identifier": "eine Objektkennung",
    "an option of LIST": "eine Option von LIST",
    "an option that RECURSIVEMATCH can go with": (
        "eine Option, zu der RECURSIVEMATCH passt"
    ),
    "another command: TLS cannot be started here": (
        "ein anderer Befehl: TLS kann hier nicht beginnen"
    ),
    "as many UIDs as message numbers": "so viele UIDs wie Nachrichtennummern",
    "as many message numbers as UIDs": "so viele Nachrichtennummern wie UIDs",
    "as many octets as the literal announced": (
        "so viele Oktette, wie das Literal ankündigte"
    ),
    "both MessageNew and MessageExpunge": "sowohl MessageNew als auch MessageExpunge",
    "either ALL or PARTIAL": "entweder ALL oder PARTIAL",
    "entries in parentheses": "Einträge in Klammern",
    "fewer and shorter fields": "weniger und kürzere Felder",
    "fewer entries": "weniger Einträge",
    "fewer events": "weniger Ereignisse",
    "fewer groups": "weniger Gruppen",
    "fewer items": "weniger Angaben",
    "fewer keys inside each other": "weniger ineinander geschachtelte Schlüssel",
    "fewer languages": "weniger Sprachen",
    "fewer mailboxes": "weniger Postfächer",
    "fewer patterns": "weniger Muster",
    "fewer search keys": "weniger Suchschlüssel",
    "fewer sort criteria": "weniger Sortiermerkmale",
    "fewer sources": "weniger Quellen",
    "fewer tags": "weniger Kennungen",
    "keys that stand for fewer others": "Schlüssel, die für weniger andere stehen",
    "no items but for the selected mailbox": "Angaben nur für das gewählte Postfach",
    "nothing after the end of DEFLATE": "nichts nach dem Ende von DEFLATE",
    "one SELECTED or SELECTED-DELAYED": "einmal SELECTED oder SELECTED-DELAYED",
    "rights of lrswipkxtea, c and d": "Rechte aus lrswipkxtea, c und d",
    "something that can be fetched": "etwas, das FETCH holen kann",
    "tags of contexts": "Kennungen von Suchkontexten",
    "text in the charset of this search": "Text im Zeichensatz dieser Suche",
    "the end of the command": "das Ende des Befehls",
    "the name of a filter": "der Name eines Filters",
    "which mailboxes: personal, subtree or another word": (
        "welche Postfächer: personal, subtree oder ein anderes Wort"
    ),
    "=2C or =3D after =": "=2C oder =3D nach =",
    "UTF-8 in a URL": "UTF-8 in einem URL",
    "a GS2 header and key=value pairs": "ein GS2-Kopf und Paare aus Name und Wert",
    "a GS2 header, a name and a nonce": "ein GS2-Kopf, ein Name und ein Einmalwert",
    "a URL of a message": "der URL einer Nachricht",
    "a channel binding that this connection has": (
        "eine Kanalbindung, die diese Verbindung hat"
    ),
    "a mechanism that was offered": "ein angebotenes Verfahren",
    "a name, a space and 32 hexadecimal digits": (
        "ein Name, ein Leerzeichen und 32 Hexadezimalziffern"
    ),
    "a shorter URL": "ein kürzerer URL",
    "a shorter response": "eine kürzere Antwort",
    "an access identifier": "eine Zugriffsbezeichnung",
    "an empty response": "eine leere Antwort",
    "channel binding with -PLUS, and only with it": (
        "Kanalbindung mit -PLUS, und nur damit"
    ),
    "each key once": "jeder Name einmal",
    "no initial response with this mechanism": (
        "keine erste Antwort bei diesem Verfahren"
    ),
    "nothing more": "nichts weiter",
    "the channel binding, the nonce and a proof": (
        "die Kanalbindung, der Einmalwert und ein Beweis"
    ),
    "the end of a URL": "das Ende eines URL",
    "the nonce as it was sent": "der Einmalwert, wie er gesendet wurde",
    "user= and auth=": "user= und auth=",
    "at most %s octets in a line": "höchstens %s Oktette in einer Zeile",
    "at most %s octets of base64": "höchstens %s Oktette in Base64",
    "at most %s characters": "höchstens %s Zeichen",
    "a range of batches that ascends": "ein aufsteigender Bereich von Stapeln",
}
"""By our text; ``%s`` stands for what changes."""

LEVELS: Mapping[str, str] = {
    "Other Users": "Andere Benutzer",
    "Public": "Öffentlich",
    "Public Folders": "Gemeinsame Postfächer",
    "Shared": "Gemeinsame Postfächer",
    "Users": "Benutzer",
}
"""What levels of mailbox names are called (RFC 5255 section 3.4)."""

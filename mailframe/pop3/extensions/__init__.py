"""One file for each POP3 extension: its commands and its line in CAPA."""

"""Names of sites that cannot work: FLARE keeps them for itself, or reads them as something else than a name.

FLARE takes a site's name from a command line, turns into a number whatever Python can read as one, and knows
its server as `server`; people write names into YAML and into commands.
"""

from __future__ import annotations

import re

_FORM = re.compile(r"[a-z]([a-z0-9-]*[a-z0-9])?")
# The last is the name of the certificates' authority.
RESERVED = {"server", "client", "admin", "relay", "all", "default", "root", "proofward"}
VALUES = {"y", "n", "yes", "no", "on", "off", "true", "false", "null", "none", "nan", "inf", "infinity"}


def is_value(word: str) -> bool:
    """Whether a word is read as a number, a truth value or nothing."""
    try:
        float(word)
    except ValueError:
        return word in VALUES or re.fullmatch(r"0[box][0-9a-f]+", word) is not None
    return True


def fault_of_name(name: str) -> str:
    """Why a site cannot have this name, or "".

    A letter at the start excludes numbers, dates (`2024-01-01`) and options (`-x`) of every kind.
    """
    if name in RESERVED:
        return f"{name} is a name that FLARE keeps for itself"
    if is_value(name):
        return f"{name} is read as a value, not as a name, by YAML or by FLARE"
    if name and not name[0].isalpha():
        return f"{name} does not begin with a letter: it may be read as a number, a date or an option"
    if not _FORM.fullmatch(name):
        return f"{name!r} is not made of lower-case letters, digits and, between them, hyphens"
    return ""

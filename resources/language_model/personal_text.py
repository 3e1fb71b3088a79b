"""Texts that look as if they were about a person: they are never sent anywhere.

Only texts of products are asked about. A catalogue may hold an address or a
number all the same, in a personalised product or by mistake.
"""

import re

_MAILBOX = re.compile(r"[^\s@]+\s?@\s?[^\s@]+\.[a-z]{2,}", re.IGNORECASE)
#: Seven digits or more, with what people put between them; an article number in letters and digits is none.
_NUMBER = re.compile(r"(?<![\w.])\+?\(?\d(?:[\s().\-/]{0,2}\d){6,}(?![\w.])")
_WEB_ACCOUNT = re.compile(r"(?<!\w)@[a-z0-9_]{3,}", re.IGNORECASE)


def looks_personal(text: str) -> bool:
    """Whether a text holds what may be a mailbox, a telephone or card number, or an account."""
    return any(pattern.search(text) for pattern in (_MAILBOX, _NUMBER, _WEB_ACCOUNT))

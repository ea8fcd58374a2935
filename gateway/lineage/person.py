"""One person over several Label Studios, without their address: a hash with a key.

Who has not got the key cannot try addresses out; who has, can ask for all labels of a person.
"""

from __future__ import annotations

import hashlib
import hmac
import unicodedata

_HEX_DIGITS = 32  # 128 bits: no two of any number of people share them


class Persons:
    """Knows people by a hash of what they are called. key: the secret, at least 16 bytes."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def hash_of(self, called: str) -> str:
        """32 hex digits of HMAC-SHA256 over an e-mail address or user name.

        Capitals, the way letters are composed and white space around it do not count.
        """
        text = unicodedata.normalize("NFC", called).strip().casefold()
        # Again: some letters are composed anew by casefold. Half a surrogate pair is no reason to
        # refuse a label.
        name = unicodedata.normalize("NFC", text).encode("utf-8", "surrogatepass")
        return hmac.new(self._key, name, hashlib.sha256).hexdigest()[:_HEX_DIGITS]

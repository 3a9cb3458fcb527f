"""Blind indexes: keyed tokens under which equal names and numbers can be found without being stored."""

import hmac
import unicodedata

TOKEN_BYTES = 16

_APOSTROPHES = frozenset("'`´‘’‛ʹʻʼʽʾʿˈ′")
_ASCII_NAME = {
    code: chr(code).lower() if chr(code).isalnum() else None if chr(code) in _APOSTROPHES else " "
    for code in range(128)
}
_ASCII_NUMBER = {code: chr(code).upper() if chr(code).isalnum() else None for code in range(128)}


class NothingToIndex(ValueError):
    """An empty value has no token: all who lack a number would otherwise look like one person."""


class BlindIndex:
    """Tokens for one key. Safe to share between threads; never shows its key."""

    __slots__ = ("_keyed",)

    def __init__(self, key: bytes) -> None:
        if len(key) != 32:
            raise ValueError("the key of a blind index has 32 bytes")
        self._keyed = hmac.new(key, digestmod="sha256")

    def token(self, kind: str, value: str) -> bytes:
        """16 bytes of HMAC-SHA256 over `kind` and an already normalised `value`; kinds never share a token.

        Raises NothingToIndex where `value` is empty, as a normaliser leaves it of mere punctuation.
        """
        if not value:
            raise NothingToIndex(kind)
        message = f"{len(kind)}:{kind}{value}".encode("utf-8", "surrogatepass")
        mac = self._keyed.copy()  # in half the time of a new one
        mac.update(message)
        return mac.digest()[:TOKEN_BYTES]

    def __repr__(self) -> str:
        return "BlindIndex()"


def normal_name(name: str) -> str:
    """A name as it is compared: no case, no accents, no punctuation, single spaces; may become empty.

    An apostrophe joins (`Mu'min` is `mumin`), any other mark parts (`Siti-Aminah` is `siti aminah`).
    """
    if name.isascii():
        return " ".join(name.translate(_ASCII_NAME).split())
    return " ".join("".join(map(_name_character, _folded(name))).split())


def normal_number(number: str) -> str:
    """A document or other number as it is compared: digits and capital letters only; may become empty."""
    if number.isascii():
        return number.translate(_ASCII_NUMBER)
    return "".join(map(_number_character, _decomposed(_decomposed(number).upper())))


def _name_character(character: str) -> str:
    if character in _APOSTROPHES or unicodedata.category(character) in {"Mn", "Cf"}:
        return ""
    return character if character.isalnum() else " "


def _number_character(character: str) -> str:
    if character.isdecimal():
        return str(unicodedata.decimal(character))
    return character if character.isalnum() and character not in _APOSTROPHES else ""


def _folded(text: str) -> str:
    # Folding can bring forth what decomposes again, and the other way round (Unicode 3.13, D146).
    return _decomposed(_decomposed(_decomposed(text).casefold()).casefold())


def _decomposed(text: str) -> str:
    return unicodedata.normalize("NFKD", text)

"""Marks that nobody writes by accident, and the search for them in whatever form they may have taken.

Every mark begins with what all of its kind have in common, so that one pass finds all of them, cut short or put into
another encoding too; what follows tells one from another, and so where it was planted.
"""

import base64
import gzip
import json
import random
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from string import ascii_lowercase

TEXT, NUMBER, PHONE, DOCUMENT, PUBLIC = "Zkanari", "3507122802", "8112718", "ZQJ", "Zumumi"
BORN = "1911-02-03"
"""A birth date of nobody who comes today. All have the same: a date has no room for a mark."""
SEALED_ANSWERS = (b'"pregnant":', b'"disability":', b'"gender_based_violence":', b'"guardian":{', b'"witness":"')
"""Yes and no have no room for one either: their names stand where they are kept, within what is sealed."""
_ALIKE = "0123456789abcdefghijklmnopqrstuvwxyz"
_UNPACKED_AT_MOST = 16 * 1024 * 1024
_CHUNK, _OVERLAP = 8 * 1024 * 1024, 4096


@dataclass(frozen=True, slots=True)
class Found:
    """A mark where it must not be. `origin`: where it was planted; `form`: how it was written."""

    mark: str
    origin: str
    form: str
    around: bytes

    def __str__(self) -> str:
        return f"{self.mark} ({self.form}), planted in {self.origin}: …{self.around!r}…"


class Marks:
    """Those of one run. Not for several threads."""

    def __init__(self, seed: int | None = None) -> None:
        self._random = random.Random(seed)  # noqa: S311
        self.origins: dict[str, str] = {}
        """By the mark, in lower case."""
        self.public: dict[str, str] = {}

    def text(self, origin: str) -> str:
        """Letters and digits."""
        return self._noted(TEXT + self._few(_ALIKE, 6), origin)

    def word(self, origin: str, between: str = "") -> str:
        """As a field is called: small letters alone, or with what stands `between` them."""
        return self._noted(TEXT.lower() + between + self._few(ascii_lowercase, 6), origin)

    def nik(self, origin: str) -> str:
        """A good one: born on 28 February of some year."""
        return self._noted(f"{NUMBER}{self._few('0123456789', 2)}{self._random.randrange(1, 9999):04}", origin)

    def phone(self, origin: str) -> str:
        return "+62" + self._noted(PHONE + self._few("0123456789", 6), origin)

    def document(self, origin: str) -> str:
        """Nine letters and digits, as the field wants it."""
        return self._noted(DOCUMENT + self._few("0123456789", 6), origin)

    def public_text(self, origin: str) -> str:
        """For what is declared public: it must be found."""
        mark = PUBLIC + self._few(_ALIKE, 6)
        self.public[mark.lower()] = origin
        return mark

    def _few(self, alphabet: str, length: int) -> str:
        return "".join(self._random.choice(alphabet) for _ in range(length))

    def _noted(self, mark: str, origin: str) -> str:
        if mark.lower() in self.origins:
            again = {TEXT: self.text, TEXT.lower(): self.word, NUMBER: self.nik, PHONE: self.phone}
            return again.get(next((one for one in again if mark.startswith(one)), ""), self.document)(origin)
        self.origins[mark.lower()] = origin
        return mark

    def found_in(self, content: bytes) -> Iterator[Found]:
        """Every mark that stands there, packed content unpacked."""
        for one in (content, *_unpacked(content)):
            yield from self._found_plain(one)

    def _found_plain(self, content: bytes) -> Iterator[Found]:
        folded = content.lower()
        for form, words in _FORMS.items():
            for at in _places(folded, words):
                match = _WHOLE[form].match(content, at) if form in _WHOLE else None
                mark = (match.group() if match is not None else content[at : at + 20]).decode("latin-1")
                origin = self.origins.get(mark.lower())
                if form == "a document" and origin is None:
                    continue  # three letters may stand in a key by accident
                around = content[max(0, at - 60) : at + 40]
                yield Found(mark, origin or "a field that the rest of it would name", form, around)

    def public_in(self, content: bytes) -> set[str]:
        """Origins of the public marks that stand there."""
        seen = {match.group().decode() for match in _PUBLIC.finditer(content.lower())}
        return {self.public[mark] for mark in seen & self.public.keys()}

    def found_in_file(self, path: Path) -> Iterator[Found]:
        for chunk in chunks(path):
            yield from self.found_in(chunk)


def chunks(path: Path) -> Iterator[bytes]:
    """Overlapping, so that nothing is cut in two."""
    with path.open("rb") as content:
        tail = b""
        while chunk := content.read(_CHUNK):
            yield tail + chunk
            tail = chunk[-_OVERLAP:]


def _places(content: bytes, words: Iterable[bytes]) -> Iterator[int]:
    for word in words:
        at = content.find(word)
        while at >= 0:
            yield at
            at = content.find(word, at + 1)


def _unpacked(content: bytes) -> Iterator[bytes]:
    """What stands within in gzip or zlib."""
    view = memoryview(content)
    for at in _places(content, _PACKED):
        machine = zlib.decompressobj(zlib.MAX_WBITS | 32)
        plain = b""
        try:
            plain = machine.decompress(view[at : at + 512])
            plain += machine.decompress(view[at + 512 :], _UNPACKED_AT_MOST)
        except zlib.error:
            pass
        if plain:
            yield plain


def _base64(text: str) -> Iterator[bytes]:
    """The part that is the same wherever the text begins within three bytes, for each of the three."""
    for offset in range(3):
        whole = base64.b64encode(b"\0" * offset + text.encode())
        first = -(-offset * 8 // 6)
        yield whole[first : (offset + len(text)) * 8 // 6]


def _cases(text: str) -> set[str]:
    return {text, text.lower(), text.upper()}


_LONG = (TEXT, NUMBER, PHONE)
_WRITTEN = {form for text in _LONG for form in _cases(text)}
_DAYS = ("1911-02-03", "19110203", *(f"{day}{sep}1911" for sep in "-./" for day in (f"03{sep}02", f"3{sep}2")))
_FORMS: dict[str, set[bytes]] = {
    # In small letters, as the content is when it is looked through.
    form: {word.lower() for word in words}
    for form, words in {
        "text": {TEXT.encode()},
        "a NIK": {NUMBER.encode()},
        "a phone": {PHONE.encode()},
        "a document": {DOCUMENT.encode()},
        "a birth date": {day.encode() for day in _DAYS},
        "a sealed answer": set(SEALED_ANSWERS),
        "base64": {part for text in _WRITTEN for part in _base64(text)},
        "hexadecimal": {text.encode().hex().encode() for text in _WRITTEN},
        "UTF-16": {text.encode(order) for text in _LONG for order in ("utf-16-le", "utf-16-be")},
        "escaped": {
            "".join(f"{lead}{ord(one):0{width}x}" for one in text).encode()
            for text in _WRITTEN
            for lead, width in (("\\u", 4), ("%", 2))
        },
        "backwards": {text[::-1].encode() for text in _LONG},
    }.items()
}
_WHOLE = {
    "text": re.compile(rb"[0-9A-Za-z]{7,13}"),
    "a NIK": re.compile(rb"\d{10,16}"),
    "a phone": re.compile(rb"\d{7,13}"),
    "a document": re.compile(rb"[A-Za-z]{3}\d{6}"),
}
_PUBLIC = re.compile(rb"zumumi[0-9a-z]{6}")
_PACKED = (b"\x1f\x8b\x08", b"\x78\x01", b"\x78\x5e", b"\x78\x9c", b"\x78\xda")


def every_form(mark: str) -> dict[str, bytes]:
    """A mark as it might be written somewhere: what the search must find."""
    plain = mark.encode()
    return {
        "plain": plain,
        "in JSON": json.dumps({"name": f"Ibu {mark}, é"}).encode(),
        "in capitals": mark.upper().encode(),
        "in small letters": mark.lower().encode(),
        "cut short": plain[:11],
        "base64": base64.b64encode(b"x" + plain),
        "base64 in a URL": base64.urlsafe_b64encode(b"xy" + plain),
        "hexadecimal": plain.hex().upper().encode(),
        "UTF-16": mark.encode("utf-16"),
        "percents": "".join(f"%{one:02X}" for one in plain).encode(),
        "escapes": "".join(f"\\u{ord(one):04x}" for one in mark).encode(),
        "backwards": plain[::-1],
        "gzip": b"before " + gzip.compress(b"the name is " + plain) + b" behind",
        "zlib": b"\0\0" + zlib.compress(b"the name is " + plain),
    }

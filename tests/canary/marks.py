"""Marks that nobody writes by accident, and the search for them in whatever form they may have taken.

Every mark begins with what all of its kind have in common, so that one pass finds all of them, cut short or put into
another encoding too; what follows tells one from another, and so where it was planted.
"""

import base64
import gzip
import hashlib
import json
import random
import re
import zlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from string import ascii_lowercase

TEXT, NUMBER, PHONE, DOCUMENT, PUBLIC = "Zkanari", "3507122802", "8112718283", "ZQJ745128", "Zumumi"
PUBLIC_PLACES = ("UMUM-POS", "UMUM-RUMAH")
"""Codes of a post and a shelter."""
BORN = "1911-02-03"
"""A birth date of nobody who comes today. All have the same: a date has no room for a mark."""
_YES = rb"""[\\"']{0,6}\s*[:=]\s*[\\"']{0,6}(true|false|yes|no|ya|tidak|[01])\b"""
_WHOSE = rb"""[\\"']{0,6}\s*[:=]\s*[\\"'{]"""
SEALED_ANSWERS = {b"pregnant": _YES, b"disability": _YES, b"gender_based_violence": _YES}
SEALED_ANSWERS |= {b"guardian": _WHOSE, b"witness": _WHOSE}
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
        self.spelled: set[str] = set()
        """As they were planted."""
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
        return "+62" + self._noted(PHONE + self._few("0123456789", 5), origin)

    def document(self, origin: str) -> str:
        """Letters and digits."""
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
        self.spelled.add(mark)
        return mark

    def found_in(self, content: bytes) -> Iterator[Found]:
        """Every mark that stands there, packed content unpacked."""
        for one in (content, *_unpacked(content)):
            plain = list(self._found_plain(one))
            yield from plain
            told = {found.mark for found in plain}
            yield from (
                found for found in self._found_apart(one.translate(None, _SEPARATORS)) if found.mark not in told
            )
            yield from self._found_digested(one)

    def _found_plain(self, content: bytes) -> Iterator[Found]:
        folded = content.lower()
        for form, words in _FORMS.items():
            for word in words:
                for at in _places(folded, (word,)):
                    if form == "a sealed answer" and not _ANSWERS[word].match(folded, at):
                        continue
                    if form == "a birth date in figures" and not _ALONE.match(folded, max(0, at - 1)):
                        continue
                    match = _WHOLE[form].match(content, at) if form in _WHOLE else None
                    yield self._found(content, at, match.group() if match else content[at : at + 20], form)

    def _found(self, content: bytes, at: int, written: bytes, form: str) -> Found:
        mark = written.decode("latin-1")
        origin = self.origins.get(mark.lower(), "a field that the rest of it would name")
        return Found(mark, origin, form, content[max(0, at - 60) : at + 40])

    def _found_apart(self, content: bytes) -> Iterator[Found]:
        """Numbers that were written in groups; what is left of them where the rest was hidden."""
        for kind, form in ((NUMBER, "a NIK"), (PHONE, "a phone"), (DOCUMENT, "a document")):
            for at in _places(content, (kind.encode(), kind.lower().encode())):
                match = _WHOLE[form].match(content, at)
                yield self._found(content, at, match.group() if match else content[at : at + 20], f"{form} in groups")

    def _found_digested(self, content: bytes) -> Iterator[Found]:
        """What anybody can work out from a number is no secret: whole values by sha256, sha1 and md5, without a key."""
        for token in {*_HEXADECIMAL.findall(content), *_BASE64.findall(content)}:
            if (mark := self._digests.get(token.lower().rstrip(b"="))) is not None:
                yield Found(mark, self.origins.get(mark.lower(), "a birth date"), "digest", token)
        for at in _places(content, (b"***",)):
            if (match := _HIDDEN.match(content, at)) and (mark := self._tails.get(match[1].decode())):
                yield Found(mark, self.origins[mark.lower()], "tail", match.group())

    @cached_property
    def _digests(self) -> dict[bytes, str]:
        """By the digest in small letters, as hexadecimal and as base64. Of all that was planted by then."""
        made = {}
        for mark in (*self.spelled, BORN, BORN.replace("-", "")):
            for written in {mark, mark.lower(), mark.upper(), "+62" + mark, "0" + mark}:
                for make in (hashlib.sha256, hashlib.sha1, hashlib.md5):
                    digest = make(written.encode()).digest()
                    made[digest.hex().encode()] = mark
                    for encoded in (base64.b64encode(digest), base64.urlsafe_b64encode(digest)):
                        made[encoded.rstrip(b"=").lower()] = mark
        return made

    @cached_property
    def _tails(self) -> dict[str, str]:
        numbers = [mark for mark in self.spelled if mark.startswith((NUMBER, PHONE))]
        return {mark[-length:]: mark for mark in numbers for length in (4, 6)}

    def has(self, content: bytes, word: bytes) -> bool:
        """Packed content unpacked."""
        return word in content or any(word in one for one in _unpacked(content))

    def public_in(self, content: bytes) -> set[str]:
        """Origins of the public marks that stand there, packed content unpacked."""
        whole = (content, *_unpacked(content))
        seen = {match.group().decode() for one in whole for match in _PUBLIC.finditer(one.lower())}
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


_LONG = (TEXT, NUMBER, PHONE, DOCUMENT)
_WRITTEN = {form for text in _LONG for form in _cases(text)}
_DAYS = {
    *(f"1911{sep}02{sep}03" for sep in "-./ _:"),
    *(f"{day}{sep}1911" for sep in "-./ _" for day in (f"03{sep}02", f"3{sep}2", f"02{sep}03", f"2{sep}3")),
    *(f"{day} {month} 1911" for day in ("3", "03") for month in ("februari", "february", "feb", "peb")),
    *(f"february {day}, 1911" for day in ("3", "03")),
    "datetime.date(1911, 2, 3)",
    str(int(datetime(1911, 2, 3, tzinfo=UTC).timestamp())),  # and its milliseconds
}
_PACKED_DAYS = ("19110203", "03021911", "02031911")
_SEALED = [f"{quote}{name.decode()}{quote}:" for name in SEALED_ANSWERS for quote in ('"', "'")]
_ENCODED = {*_WRITTEN, BORN, "19110203", *_SEALED}
_FORMS: dict[str, set[bytes]] = {
    # In small letters, as the content is when it is looked through.
    form: {word.lower() for word in words}
    for form, words in {
        "text": {TEXT.encode()},
        "a NIK": {NUMBER.encode()},
        "a phone": {PHONE.encode()},
        "a document": {DOCUMENT.encode()},
        "a birth date": {day.encode() for day in _DAYS},
        "a birth date in figures": {day.encode() for day in _PACKED_DAYS},
        "a sealed answer": set(SEALED_ANSWERS),
        "base64": {part for text in _ENCODED for part in _base64(text)},
        "hexadecimal": {text.encode().hex().encode() for text in _ENCODED},
        "UTF-16": {
            text.encode(order)
            for text in (*_LONG, BORN, _PACKED_DAYS[0], *_SEALED)
            for order in ("utf-16-le", "utf-16-be")
        },
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
    "a phone": re.compile(rb"\d{10,15}"),
    "a document": re.compile(rb"[A-Za-z]{3}\d{6,12}"),
}
_ANSWERS = {name: re.compile(name + rest) for name, rest in SEALED_ANSWERS.items()}
_ALONE = re.compile(rb"(?:^|.)(?<![0-9a-f])\d{8}(?![0-9a-f])", re.DOTALL)
"""Eight figures stand in any long number, and in bytes that are written in hexadecimal."""
_HEXADECIMAL = re.compile(rb"(?<![0-9A-Fa-f])[0-9A-Fa-f]{32}(?:[0-9A-Fa-f]{8}|[0-9A-Fa-f]{32})?(?![0-9A-Fa-f])")
_BASE64 = re.compile(rb"(?<![A-Za-z0-9+/_-])[A-Za-z0-9+/_-]{22,43}={0,2}(?![A-Za-z0-9+/_=-])")
_HIDDEN = re.compile(rb"\*{3,}[ -]?(\d{6}|\d{4})(?!\d)")
_SEPARATORS = b" .-/_:()"
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
        "cut short": plain[:13],
        "base64": base64.b64encode(b"x" + plain),
        "base64 in a URL": base64.urlsafe_b64encode(b"xy" + plain),
        "hexadecimal": plain.hex().upper().encode(),
        "UTF-16": mark.encode("utf-16"),
        "percents": "".join(f"%{one:02X}" for one in plain).encode(),
        "escapes": "".join(f"\\u{ord(one):04x}" for one in mark).encode(),
        "backwards": plain[::-1],
        "sha256": b"x " + hashlib.sha256(plain).hexdigest().encode(),
        "sha256 in base64": b'"' + base64.b64encode(hashlib.sha256(plain).digest()) + b'"',
        "md5": b"= " + hashlib.md5(plain).hexdigest().encode(),  # noqa: S324
        "gzip": b"before " + gzip.compress(b"the name is " + plain) + b" behind",
        "zlib": b"\0\0" + zlib.compress(b"the name is " + plain),
    }

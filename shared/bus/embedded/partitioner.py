"""Kafka's default partitioner, so that a key has the same partition number on both backends."""

from functools import lru_cache
from struct import unpack_from

_SEED = 0x9747B28C
_MULTIPLIER = 0x5BD1E995
_MASK = 0xFFFFFFFF


def murmur2(data: bytes) -> int:
    """The 32-bit MurmurHash2 of Kafka's Java client, unsigned."""
    length = len(data)
    whole = length & ~3
    hashed = _SEED ^ length
    for word in unpack_from(f"<{whole // 4}I", data):
        mixed = (word * _MULTIPLIER) & _MASK
        mixed ^= mixed >> 24
        hashed = ((hashed * _MULTIPLIER) & _MASK) ^ ((mixed * _MULTIPLIER) & _MASK)
    if whole != length:
        hashed ^= int.from_bytes(data[whole:], "little")
        hashed = (hashed * _MULTIPLIER) & _MASK
    hashed ^= hashed >> 13
    hashed = (hashed * _MULTIPLIER) & _MASK
    return hashed ^ (hashed >> 15)


@lru_cache(maxsize=16_384)
def _positive_hash(key: str) -> int:
    return murmur2(key.encode()) & 0x7FFFFFFF


def partition_of(key: str, partitions: int) -> int:
    """The partition number of a key. Raises ValueError when the key has no UTF-8 form (a lone surrogate)."""
    return _positive_hash(key) % partitions

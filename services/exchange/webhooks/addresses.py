"""Which addresses may be reached: those of the public internet alone, in whatever form they come.

A webhook's address is given by somebody outside, and called from inside (server-side request forgery). The lists are
those of IANA's special-purpose registries (RFC 6890 and its successors), said here and not asked of `ipaddress`, whose
answer differs from one release of Python to the next.
"""

from collections.abc import Iterable, Sequence
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network

Address = IPv4Address | IPv6Address
Network = IPv4Network | IPv6Network

_NOT_PUBLIC = tuple(
    IPv4Network(one)
    for one in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",
        "100.64.0.0/10",  # carriers' translation; one cloud's metadata
        "127.0.0.0/8",
        "168.63.129.16/32",  # public by its number, and one cloud's inside
        "169.254.0.0/16",  # link-local; most clouds' metadata
        "172.16.0.0/12",
        "192.0.0.0/24",
        "192.0.2.0/24",
        "192.88.99.0/24",  # relays of 6to4
        "192.168.0.0/16",
        "198.18.0.0/15",
        "198.51.100.0/24",
        "203.0.113.0/24",
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # with the broadcast address
    )
)
_PUBLIC_6 = IPv6Network("2000::/3")
"""All of it that was ever given out; loopback, link-local, unique local and multicast lie outside."""
_NOT_PUBLIC_6 = tuple(
    IPv6Network(one)
    for one in (
        "2001::/23",  # protocols, with Teredo and its embedded addresses
        "2001:db8::/32",
        "2002::/16",  # 6to4: an IPv4 address of whoever answers
        "3fff::/20",
    )
)
_NAT64 = IPv6Network("64:ff9b::/96")
_NO_HOST = tuple(ip_network(one) for one in ("0.0.0.0/32", "::/128", "224.0.0.0/4", "255.255.255.255/32", "ff00::/8"))
"""Never one host, whatever is allowed."""
_ISATAP = (0x00005EFE, 0x02005EFE)


class NetworkInvalid(ValueError):
    """A list of networks holds something that is none."""


def networks_in(text: str) -> tuple[Network, ...]:
    """CIDRs with commas or blanks between them; an address stands for itself. Raises NetworkInvalid."""
    try:
        return tuple(ip_network(one) for one in text.replace(",", " ").split())
    except ValueError:
        raise NetworkInvalid("holds something that is no network such as 10.1.0.0/16") from None


def may_reach(address: Address, allowed: Sequence[Network] = ()) -> bool:
    """Whether a webhook may go there: a public address, or one in a network that the operators allow.

    An IPv4 address in IPv6 form is judged as what it stands for.
    """
    plain = _plain(address)
    if _in(plain, _NO_HOST) or (isinstance(address, IPv6Address) and address.scope_id is not None):
        return False
    return _in(plain, allowed) or _is_public(plain)


def may_reach_all(addresses: Iterable[str], allowed: Sequence[Network] = ()) -> bool:
    """Whether all of a name's addresses may be reached: one that may not is a trap, whichever is tried first."""
    found = [ip_address(one) for one in addresses]
    return bool(found) and all(may_reach(one, allowed) for one in found)


def _plain(address: Address) -> Address:
    mapped = address.ipv4_mapped if isinstance(address, IPv6Address) else None
    return address if mapped is None else mapped


def _is_public(address: Address) -> bool:
    if isinstance(address, IPv4Address):
        return not _in(address, _NOT_PUBLIC)
    if address in _NAT64:
        return _is_public(_last_four(address))
    if address not in _PUBLIC_6 or _in(address, _NOT_PUBLIC_6):
        return False
    if (int(address) >> 32) & 0xFFFFFFFF in _ISATAP:
        return _is_public(_last_four(address))
    return True


def _last_four(address: IPv6Address) -> IPv4Address:
    return IPv4Address(int(address) & 0xFFFFFFFF)


def _in(address: Address, networks: Iterable[Network]) -> bool:
    return any(address.version == one.version and address in one for one in networks)

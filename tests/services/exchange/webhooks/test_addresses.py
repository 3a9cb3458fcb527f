"""Which addresses and URLs a webhook may have, form by form."""

from ipaddress import ip_address

import pytest

from services.exchange.webhooks.addresses import NetworkInvalid, may_reach, may_reach_all, networks_in
from services.exchange.webhooks.settings import settings_from
from services.exchange.webhooks.url import UrlRefused, target_of
from shared.settings import Environment, SettingInvalid

PUBLIC = [
    "93.184.216.34",
    "1.1.1.1",
    "100.63.255.255",
    "100.128.0.1",
    "172.15.0.1",
    "172.32.0.1",
    "192.0.1.1",
    "223.255.255.255",
    "2606:2800:220:1:248:1893:25c8:1946",
    "2a00:1450:4001:82a::200e",
    "::ffff:93.184.216.34",  # mapped
    "64:ff9b::5db8:d822",  # 93.184.216.34 through NAT64
]
NOT_PUBLIC = [
    "0.0.0.0",  # noqa: S104
    "0.1.2.3",
    "10.0.0.1",
    "10.255.255.255",
    "100.64.0.1",
    "100.100.100.200",  # metadata of one cloud
    "127.0.0.1",
    "127.255.255.254",
    "168.63.129.16",  # the inside of another
    "169.254.0.1",
    "169.254.169.254",  # metadata
    "172.16.0.1",
    "172.31.255.255",
    "192.0.0.192",
    "192.0.2.1",
    "192.88.99.1",
    "192.168.1.1",
    "198.18.0.1",
    "198.51.100.1",
    "203.0.113.1",
    "224.0.0.1",
    "239.255.255.255",
    "240.0.0.1",
    "255.255.255.255",
    "::",
    "::1",
    "::127.0.0.1",  # compatible
    "::ffff:127.0.0.1",  # mapped
    "::ffff:10.0.0.1",
    "::ffff:169.254.169.254",
    "::ffff:0:127.0.0.1",  # translated
    "64:ff9b::7f00:1",  # NAT64
    "64:ff9b::a9fe:a9fe",
    "64:ff9b:1::1",
    "100::1",
    "2001::1",  # Teredo
    "2001:0:5db8:d822:8000:63bf:3fff:fdd2",
    "2001:2::1",
    "2001:10::1",
    "2001:db8::1",
    "2002:7f00:1::1",  # 6to4
    "2002:5db8:d822::1",
    "2606:2800:220:1:0:5efe:10.0.0.1",  # ISATAP
    "3fff::1",
    "5f00::1",
    "fc00::1",
    "fd00:ec2::254",  # metadata
    "fe80::1",
    "fe80::1%eth0",
    "fec0::1",
    "ff02::1",
]


@pytest.mark.parametrize("address", PUBLIC)
def test_public_addresses_may_be_reached(address: str) -> None:
    assert may_reach(ip_address(address))


@pytest.mark.parametrize("address", NOT_PUBLIC)
def test_no_other_address_may_be_reached(address: str) -> None:
    assert not may_reach(ip_address(address))


def test_one_bad_address_among_good_ones_spoils_the_name() -> None:
    assert may_reach_all(["1.1.1.1", "2606:4700::1111"])
    assert not may_reach_all(["1.1.1.1", "127.0.0.1"])
    assert not may_reach_all([])


@pytest.mark.parametrize(
    ("allowed", "address", "reached"),
    [
        ("10.1.0.0/16", "10.1.2.3", True),
        ("10.1.0.0/16", "10.2.0.1", False),
        ("10.1.0.0/16", "::ffff:10.1.2.3", True),
        ("10.1.0.0/16", "64:ff9b::a01:203", False),
        ("10.1.0.0/16 fd00::/8", "fd12::1", True),
        ("127.0.0.1", "127.0.0.1", True),
        ("127.0.0.1", "127.0.0.2", False),
        ("0.0.0.0/0", "0.0.0.0", False),  # noqa: S104
        ("0.0.0.0/0", "224.0.0.1", False),
        ("::/0", "::", False),
        ("::/0", "ff02::1", False),
        ("::/0", "127.0.0.1", False),
    ],
)
def test_allowed_networks(allowed: str, address: str, reached: bool) -> None:
    assert may_reach(ip_address(address), networks_in(allowed)) is reached


def test_settings_that_cannot_be_meant_are_refused_without_their_value() -> None:
    with pytest.raises(NetworkInvalid):
        networks_in("10.0.0.1/8")
    with pytest.raises(SettingInvalid, match="PULANG_WEBHOOK_ALLOW holds something that is no network") as refused:
        settings_from(Environment({"PULANG_WEBHOOK_ALLOW": "10.0.0.0/8, secret"}))
    assert "secret" not in str(refused.value)
    with pytest.raises(SettingInvalid, match="PULANG_WEBHOOK_CA names no file"):
        settings_from(Environment({"PULANG_WEBHOOK_CA": "/nowhere/ca.pem"}))
    assert settings_from(Environment({})).allow == ()


@pytest.mark.parametrize(
    ("url", "host", "port"),
    [
        ("https://receiver.example.org/hook?token=1", "receiver.example.org", 443),
        ("https://RECEIVER.example.org:8443", "receiver.example.org", 8443),
        ("https://xn--bcher-kva.example/", "xn--bcher-kva.example", 443),
        ("https://receiver/", "receiver", 443),
        ("https://93.184.216.34/", "93.184.216.34", 443),
        ("https://[2606:2800:220:1::1]:444/", "2606:2800:220:1::1", 444),
        ("https://receiver.example.org./", "receiver.example.org.", 443),
        ("https://receiver.example.org/a/@b", "receiver.example.org", 443),
    ],
)
def test_urls(url: str, host: str, port: int) -> None:
    target = target_of(url)
    assert (target.host, target.port) == (host, port)


@pytest.mark.parametrize(
    "url",
    [
        "http://receiver.example.org/",
        "HTTP://receiver.example.org/",
        "ftp://receiver.example.org/",
        "//receiver.example.org/",
        "receiver.example.org",
        "https:///hook",
        "https://",
        "https://user@receiver.example.org/",
        "https://user:word@receiver.example.org/",
        "https://:@receiver.example.org/",
        "https://@receiver.example.org/",
        "https://receiver.example.org/#part",
        "https://receiver.example.org/#",
        "https://receiver.example.org:0/",
        "https://receiver.example.org:65536/",
        "https://receiver.example.org:x/",
        "https://receiver.example.org\\@evil.example/",
        "https://receiver .example.org/",
        "https://receiver.example.org/\n",
        "https://receiver.example.org/\x7f",
        "https://bücher.example/",
        "https://127.1/",
        "https://2130706433/",
        "https://0x7f000001/",
        "https://0x7f.0.0.1/",
        "https://127.0.0.0x1/",
        "https://0177.0.0.1/",
        "https://127.0.0.01/",
        "https://127.0.0.1.5/",
        "https://１２７.0.0.1/",
        "https://%6c%6f%63alhost/",
        "https://receiver%2eexample.org/",
        "https://[::1/",
        "https://[::1%25lo]/" + "#",
        "https://re ceiver/",
        "https://-receiver.example.org/",
        "https://receiver..example.org/",
        "https://" + "a" * 64 + ".example.org/",
        "https://receiver.example.org/" + "a" * 2000,
    ],
)
def test_urls_that_no_webhook_can_have(url: str) -> None:
    with pytest.raises(UrlRefused) as refused:
        target_of(url)
    assert "example" not in str(refused.value)

"""Every error of the command line is one line that says what to do, and a status other than 0."""

import http.server
import threading
from pathlib import Path

import pytest

from tests.system.command import pulang, up
from tests.system.seasons import EXAMPLE


@pytest.mark.parametrize(
    ("arguments", "tells"),
    [
        (("dance",), "No such command 'dance'"),
        (("watch",), "agency"),
        (("up", "--port", "many"), "--port"),
        (("up", "--host", "0.0.0.0"), "--insecure-dev-tokens"),  # noqa: S104
        (("up", "--host", "no.such.host.invalid"), "--insecure-dev-tokens"),
        (("up", "--data", "/dev/null/x"), "--data"),
        (("demo", "nowhere"), "examples/season-2020"),
        (("demo", EXAMPLE, "--data", "/dev/null/x"), "--data"),
        (("replay", EXAMPLE), "pulang up"),
        (("replay", EXAMPLE, "--url", "ftp://x"), "http://"),
        (("replay", EXAMPLE, "--url", "http://127.0.0.1:1", "--token", "x"), "pulang up"),
        (("watch", "iom"), "pulang up"),
        (("watch", "iom", "--url", "http://127.0.0.1:1", "--token", "x"), "no answer from http://127.0.0.1:1"),
        (("watch", "IOM!", "--url", "http://127.0.0.1:1"), "data folder"),
        (("token", "--agency", "iom", "--role", "king"), "arrival_officer"),
        (("token", "--agency", "iom", "--role", "reader"), "--data"),
        (("status", "--url", "http://[", "--token", "x"), "http://["),
        (("dead-letters", "retry", "--service", "kitchen", "--url", "http://x", "--token", "x"), "intake"),
        (("schemas", "/dev/null/x"), "/dev/null/x"),
    ],
)
def test_an_error_is_one_line_that_says_what_to_do(tmp_path: Path, arguments: tuple[object, ...], tells: str) -> None:
    assert tells in pulang(*arguments, cwd=tmp_path).line


def test_a_server_that_is_no_pulang_is_told_apart(tmp_path: Path) -> None:
    with http.server.HTTPServer(("127.0.0.1", 0), http.server.BaseHTTPRequestHandler) as other:
        threading.Thread(target=other.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{other.server_port}"
        assert "address of a Pulang" in pulang("status", "--url", url, "--token", "x", cwd=tmp_path).line
        assert "address of a Pulang" in pulang("replay", EXAMPLE, "--url", url, "--token", "x", cwd=tmp_path).line
        other.shutdown()


def test_a_running_pulang_answers_in_one_line_too(tmp_path: Path) -> None:
    with up(tmp_path / "data") as running:
        data = ("--data", running.data)
        assert "another Pulang runs" in pulang("up", "--port", 0, *data).line
        assert "another Pulang runs" in pulang("demo", EXAMPLE, "--port", 0, *data).line
        assert (
            running.url.rsplit(":", 1)[1]
            in pulang("up", "--port", running.url.rsplit(":", 1)[1], "--data", tmp_path / "second").line
        )
        assert "token" in pulang("watch", "iom", "--until-idle", 0, "--token", "nonsense", *data).line
        assert "refused" in pulang("watch", "nobody", "--until-idle", 0, *data).line
        assert "cursor" in pulang("watch", "iom", "--until-idle", 0, "--after", "nonsense", *data).line

        assert pulang("watch", "iom", "--until-idle", 0, "--json", *data).out == ""
        assert pulang("status", "--verify", "--json", *data).json()["services"][0]["chains"]["broken"] == []
        assert pulang("dead-letters", "list", *data).status == 0
        assert pulang("dead-letters", "retry", *data).status == 0
        assert pulang("token", "--agency", "iom", "--role", "reader", *data).out.count(".") == 2
        assert running.stop() == 0
    assert not (running.data / "url").exists()

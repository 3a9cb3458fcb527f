"""A real Keycloak with the realm of deploy/keycloak: needs java and mvn, and Maven Central once.

`running_keycloak(folder)` is the one of this pytest session. Where there can be none, tests are skipped with the
reason; with CI=true they fail.
"""

import atexit
import contextlib
import os
import secrets
import signal
import subprocess
import time
from pathlib import Path

import httpx

from deploy.keycloak.local import NoKeycloak, command, make_home
from pulang.oidc_clients import CLIENTS
from tests.real.processes import end_with_parent, free_port, skip_or_fail

REALM = "pulang"
_START_SECONDS = 240
"""It is up in half a minute, and in several where two cores have much else to do."""
_END_SECONDS = 15


class RealKeycloak:
    """One Keycloak with an H2 file of its own; port, secrets and data outlive its process."""

    def __init__(self, folder: Path) -> None:
        """Raises NoKeycloak."""
        self.home = make_home(folder / "home")
        self.secrets = folder / "secrets"
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        self.issuer = f"{self.url}/realms/{REALM}"
        self.token_url = f"{self.issuer}/protocol/openid-connect/token"
        self._log = folder / "keycloak.log"
        self._process: subprocess.Popen[bytes] | None = None
        (self.secrets / "clients").mkdir(mode=0o700, parents=True)
        for name in ("admin", *(f"clients/{client.id}" for client in CLIENTS)):
            (self.secrets / name).write_text(secrets.token_urlsafe(24) + "\n")
        atexit.register(self.end)

    def secret(self, client: str) -> str:
        return (self.secrets / "clients" / client).read_text().strip()

    def start(self) -> None:
        """Returns when its realm answers. Raises NoKeycloak."""
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                command(self.secrets, port=self.port),
                env=os.environ | {"KEYCLOAK_HOME": str(self.home), "JAVA_OPTS_APPEND": "-XX:TieredStopAtLevel=1"},
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
                preexec_fn=end_with_parent,
            )
        deadline = time.monotonic() + _START_SECONDS
        while self._process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(httpx.HTTPError):
                discovery = f"{self.issuer}/.well-known/openid-configuration"
                if httpx.get(discovery, timeout=5, trust_env=False).is_success:
                    return
            time.sleep(0.2)
        self.end()
        raise NoKeycloak(f"it did not start, see {self._log}")

    def end(self) -> None:
        """May be called twice."""
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.terminate()
        try:
            process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()


_session: list[RealKeycloak] = []


def running_keycloak(folder: Path) -> RealKeycloak:
    """The one of this session, started at the first call; ended with the process."""
    if not _session:
        try:
            keycloak = RealKeycloak(folder / f"keycloak-{os.getpid()}")
            keycloak.start()
        except (NoKeycloak, OSError) as reason:
            skip_or_fail("Keycloak", str(reason))
        _session.append(keycloak)
    return _session[0]

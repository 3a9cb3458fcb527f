"""A real Apache Kafka of one node (KRaft) for tests: needs java and mvn, and Maven Central once.

`running_kafka(folder)` is the one of this pytest session; `secure_kafka(folder)` is one with logins, permissions and
TLS, as `deploy/kafka/server.properties` has them. Where there can be none, tests are skipped with the reason; with
CI=true they fail.
"""

import atexit
import contextlib
import fcntl
import os
import shutil
import signal
import socket
import subprocess
import time
import uuid
from base64 import urlsafe_b64encode
from functools import cache, partial
from pathlib import Path
from string import Template

from tests.real.certificates import Authority
from tests.real.processes import end_with_parent, free_ports, skip_or_fail

ROOT = Path(__file__).parents[2]
STORE = ROOT / ".kafka"
POM = ROOT / "deploy" / "kafka" / "pom.xml"
SECURE = ROOT / "deploy" / "kafka" / "server.properties"
ADMIN_PASSWORD = "admin's own"

_DOWNLOAD_SECONDS = 600
_START_SECONDS = 60
_READ_SECONDS = 300
_END_SECONDS = 15

_JAVA = ("java", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC")
"""With half as much to do at the start, and no threads for which there are no processors."""
_PROPERTIES = """
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:{controller_port}
listeners=PLAINTEXT://127.0.0.1:{port},CONTROLLER://127.0.0.1:{controller_port}
advertised.listeners=PLAINTEXT://127.0.0.1:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
log.dirs={log}
auto.create.topics.enable=false
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=200
"""


class NoKafka(Exception):
    """A Kafka cannot be run here."""


class RealKafka:
    """One broker; its ports and its log outlive its process."""

    def __init__(self, folder: Path, secure: bool = False) -> None:
        """Formats a log in `folder`. `secure`: as in production, with the user admin. Raises NoKafka."""
        self._libs = libraries()
        self._folder = folder
        folder.mkdir(parents=True)
        port, controller_port, agencies_port = free_ports(3)
        self.bootstrap = f"127.0.0.1:{port}"
        self.agencies = f"localhost:{agencies_port}"
        """Where agencies come in, by TLS; of a secure one."""
        self.ca = folder / "ca.pem"
        """The certificate authority behind it."""
        self._address = ("127.0.0.1", port)
        if secure:
            broker = folder / "broker.pem"
            authority = Authority()
            self.ca.write_bytes(authority.pem)
            broker.write_bytes(authority.issue("localhost"))
            properties = Template(SECURE.read_text()).substitute(
                LOG_DIR=folder / "log",
                CONTROLLER_HOST="127.0.0.1",
                CONTROLLER_PORT=controller_port,
                CONTROLLER_PASSWORD=uuid.uuid4().hex,
                INSIDE_HOST="127.0.0.1",
                INSIDE_PORT=port,
                INSIDE_ADVERTISED=self.bootstrap,
                AGENCIES_HOST="127.0.0.1",
                AGENCIES_PORT=agencies_port,
                AGENCIES_ADVERTISED=self.agencies,
                BROKER_PEM=broker,
            )
        else:
            properties = _PROPERTIES.format(port=port, controller_port=controller_port, log=folder / "log")
        (folder / "server.properties").write_text(properties)
        # An id that begins with a dash would be taken for an option.
        cluster = urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=").replace("-", "0")
        admin = ("--add-scram", f"SCRAM-SHA-512=[name=admin,password={ADMIN_PASSWORD}]") if secure else ()
        formatting = ("format", "--cluster-id", cluster, "-c", "server.properties", *admin)
        self._java("kafka.tools.StorageTool", *formatting).wait()
        self._process: subprocess.Popen[bytes] | None = None
        atexit.register(self.end)

    def start(self) -> None:
        """Returns when it listens; does nothing where it runs. Raises NoKafka."""
        if self._process is None or self._process.poll() is not None:
            self.launch()
            self.wait()

    def launch(self) -> None:
        """From the main thread: the system ends the broker together with the thread that launched it."""
        self._process = self._java("kafka.Kafka", "server.properties")

    def wait(self) -> None:
        """Until it listens. Raises NoKafka."""
        deadline = time.monotonic() + _START_SECONDS
        while self._process is not None and self._process.poll() is None and time.monotonic() < deadline:
            with contextlib.suppress(OSError), socket.create_connection(self._address, timeout=1):
                return
            time.sleep(0.05)
        self.end()
        raise NoKafka(f"Kafka did not start, see {self._folder / 'broker.log'}")

    def kill(self) -> None:
        """SIGKILL, as when the power goes."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def freeze(self) -> None:
        """Returns when it has stopped: until then it could still answer."""
        self._signal(signal.SIGSTOP)
        if self._process is not None:
            os.waitpid(self._process.pid, os.WUNTRACED)

    def thaw(self) -> None:
        self._signal(signal.SIGCONT)

    def end(self) -> None:
        """May be called twice."""
        process, self._process = self._process, None
        if process is None or process.poll() is not None:
            return
        process.send_signal(signal.SIGCONT)
        process.terminate()
        try:
            process.wait(_END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None:
            self._process.send_signal(number)

    def _java(self, *words: str) -> subprocess.Popen[bytes]:
        options = ["-Xmx512m", "-Dlog4j2.level=INFO", "-cp", f"{self._libs}/*"]
        with (self._folder / "broker.log").open("ab") as log:
            return subprocess.Popen(
                [*_JAVA, *options, *words],
                cwd=self._folder,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                # Ctrl-C is for pytest, which ends the broker when its tests have let go of it.
                start_new_session=True,
                preexec_fn=partial(end_with_parent, signal.SIGKILL),
            )


_session: list[RealKafka] = []


def running_kafka(folder: Path) -> RealKafka:
    """The broker of this session, started in `folder` at the first call; ended with the process."""
    if not _session:
        _session.append(start_or_skip(folder / f"kafka-{os.getpid()}"))
    _session[0].start()
    return _session[0]


_secure_session: list[RealKafka] = []


def secure_kafka(folder: Path) -> RealKafka:
    """The secure broker of this session, started in `folder` at the first call; ended with the process."""
    if not _secure_session:
        _secure_session.append(start_or_skip(folder / f"secure-kafka-{os.getpid()}", secure=True))
    _secure_session[0].start()
    return _secure_session[0]


def end_brokers() -> None:
    """Those of this session; who needs one again starts it. One that nobody uses takes a twentieth of a processor."""
    for broker in (*_session, *_secure_session):
        broker.end()


def start_or_skip(folder: Path, secure: bool = False) -> RealKafka:
    """Another broker, which the caller ends."""
    try:
        broker = RealKafka(folder, secure)
        broker.start()
    except NoKafka as reason:
        skip_or_fail("Kafka", str(reason))
    return broker


def console_consumer(
    bootstrap: str, properties: Path, topic: str, group: str, *more: object
) -> "subprocess.CompletedProcess[bytes]":
    """Kafka's own console consumer, from the beginning of a topic, until `more` of its options end it."""
    tool = [*_JAVA, "-cp", f"{libraries()}/*", "org.apache.kafka.tools.consumer.ConsoleConsumer"]
    where = ["--bootstrap-server", bootstrap, "--command-config", properties, "--topic", topic, "--group", group]
    return subprocess.run(
        [*tool, *map(str, where), "--from-beginning", *map(str, more)],
        env=os.environ | {"LC_ALL": "C.UTF-8"},
        capture_output=True,
        timeout=_READ_SECONDS,
        check=False,
    )


@cache
def libraries() -> Path:
    """The folder with the jars, downloaded once per checkout. Raises NoKafka."""
    for program in ("java", "mvn"):
        if shutil.which(program) is None:
            raise NoKafka(f"there is no {program}")
    STORE.mkdir(exist_ok=True)
    # Named after what is asked for: another version is another folder.
    libs = STORE / "libs"
    asked, got = POM.read_text(), STORE / "pom.xml"
    with (STORE / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if libs.is_dir() and got.is_file() and got.read_text() == asked:
            return libs
        shutil.rmtree(libs, ignore_errors=True)
        command = ["mvn", "-B", "-q", "-f", str(POM), "dependency:copy-dependencies", f"-DoutputDirectory={libs}"]
        try:
            subprocess.run(command, check=True, capture_output=True, timeout=_DOWNLOAD_SECONDS)
        except subprocess.CalledProcessError as error:
            raise NoKafka(f"mvn cannot get the jars: {error.stdout.decode()[-500:]}") from error
        except subprocess.TimeoutExpired as error:
            raise NoKafka(f"mvn did not get the jars within {_DOWNLOAD_SECONDS} s") from error
        got.write_text(asked)  # last, so that half a download is none
    return libs

"""The secure Kafka of this session as `pulang provision` leaves it."""

from pathlib import Path
from uuid import uuid4

from pulang.provision.declared import read_declared
from shared.settings import KafkaSettings
from tests.real.kafka import ADMIN_PASSWORD, ROOT, RealKafka, secure_kafka
from tests.system.command import Said, pulang

FILE = ROOT / "deploy" / "kafka" / "provision.yaml"
AGENCIES = ("kemensos", "bp2mi", "iom")


class Provisioned:
    """A broker, a folder of passwords, and every user's way in."""

    def __init__(self, broker: RealKafka, secrets: Path) -> None:
        self.broker = broker
        self.secrets = secrets
        self._users = read_declared(FILE).users
        for user in self._users.values():
            (secrets / user.password).parent.mkdir(parents=True, exist_ok=True)
            (secrets / user.password).write_text(f"{uuid4().hex}\n")

    def password(self, user: str) -> str:
        return ADMIN_PASSWORD if user == "admin" else (self.secrets / self._users[user].password).read_text().strip()

    def change_password(self, user: str) -> None:
        """In the folder alone."""
        (self.secrets / self._users[user].password).write_text(uuid4().hex)

    def login(self, user: str) -> KafkaSettings:
        """Agencies come in by TLS, the others inside."""
        outside = user in AGENCIES
        bootstrap = self.broker.agencies if outside else self.broker.bootstrap
        return KafkaSettings(bootstrap, user, self.password(user), self.broker.ca if outside else None)

    def provision(self, file: Path = FILE, *more: object, **variables: str) -> Said:
        """Run `pulang provision` as the administrator."""
        admin = {
            "PULANG_KAFKA": self.broker.bootstrap,
            "PULANG_KAFKA_USER": "admin",
            "PULANG_KAFKA_PASSWORD": ADMIN_PASSWORD,
        }
        words = ("provision", "--secrets", self.secrets, "--file", file, *more)
        return pulang(*words, variables=admin | variables)

    def properties(self, agency: str, path: Path) -> Path:
        """The agency's login in a file, as the stock Kafka tools read it."""
        login = self.login(agency)
        path.write_text(
            "# As integrators get it.\n"
            "security.protocol=SASL_SSL\n"
            "sasl.mechanism=SCRAM-SHA-512\n"
            "sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required "
            f'username="{agency}" password="{login.password}";\n'
            "ssl.truststore.type=PEM\n"
            f"ssl.truststore.location={login.ca}\n"
        )
        return path


_session: list[Provisioned] = []


def provisioned_kafka(folder: Path) -> Provisioned:
    """The one of this session, made in `folder` at the first call."""
    broker = secure_kafka(folder)
    if not _session:
        one = Provisioned(broker, folder / "secrets")
        said = one.provision()
        assert said.status == 0, said.err
        _session.append(one)
    return _session[0]

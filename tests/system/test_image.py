"""The image that every service and command runs from: nobody's root, nothing of its making, nothing secret."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]


def stages() -> list[list[tuple[str, str]]]:
    """Instructions with what they say, by stage; a line that goes on is one."""
    text = re.sub(r"\\\n", " ", (ROOT / "Dockerfile").read_text())
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    found: list[list[tuple[str, str]]] = []
    for line in lines:
        word, _, rest = line.partition(" ")
        if word.upper() == "FROM":
            found.append([])
        found[-1].append((word.upper(), rest.strip()))
    return found


def test_it_runs_without_root() -> None:
    last = stages()[-1]
    users = [rest for word, rest in last if word == "USER"]
    assert users, "without USER it would be root"
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", users[-1]), "by number, so that a runtime can see that it is not root"
    after = last[max(at for at, (word, _) in enumerate(last) if word == "USER") :]
    assert {word for word, _ in after} <= {"USER", "CMD", "ENTRYPOINT", "LABEL", "EXPOSE"}
    assert not [rest for word, rest in last if word in ("CMD", "ENTRYPOINT") and "sudo" in rest]
    (made,) = [rest for word, rest in last if word == "RUN" and "useradd" in rest]
    assert "--shell /usr/sbin/nologin" in made
    assert "setuid" not in made
    assert not re.search(r"chmod\s+[ug+]*s|chmod\s+[2467]\d{3}\b", made)


def test_its_bases_are_pinned_and_the_same() -> None:
    bases = {rest.split()[0] for stage in stages() for word, rest in stage if word == "FROM"}
    assert len(bases) == 1
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-\w+", bases.pop())


def test_what_it_is_built_with_stays_behind() -> None:
    *_, last = stages()
    copied = [rest for word, rest in last if word in ("COPY", "ADD")]
    assert copied == ["--from=build /opt/pulang /opt/pulang"]
    assert not [rest for word, rest in last if word == "RUN" and re.search(r"\b(pip|apt|apt-get|curl|wget)\b", rest)]
    assert [rest for stage in stages() for word, rest in stage if word == "ADD"] == []


def test_it_gets_everything_by_its_hash() -> None:
    (first, _) = stages()
    downloads = [rest for word, rest in first if word == "RUN" and "pip download" in rest]
    assert downloads
    assert all("--require-hashes" in rest and "--only-binary :all:" in rest for rest in downloads)


def test_it_holds_no_secret() -> None:
    for stage in stages():
        for word, rest in stage:
            if word in ("ENV", "ARG", "LABEL"):
                assert not re.search(r"password|secret|token|key", rest, re.IGNORECASE), rest
    (folders,) = [rest for word, rest in stages()[-1] if word == "RUN" and "/run/pulang/secrets" in rest]
    assert "-m 0700" in folders

"""`ETag` and `If-Match`: nobody overwrites what they have not seen."""

from shared.http.problems import Problem


class PreconditionFailed(Problem):
    """It was changed since you read it: read it again, then decide."""

    status = 412


class PreconditionRequired(Problem):
    """Say with If-Match which version you are changing."""

    status = 428


def etag_of(version: int) -> str:
    return f'"{version}"'


def must_match(if_match: str | None, version: int) -> None:
    """Raises PreconditionRequired without the header, PreconditionFailed where it names another version."""
    if if_match is None:
        raise PreconditionRequired
    if if_match.strip() != "*" and etag_of(version) not in {tag.strip() for tag in if_match.split(",")}:
        raise PreconditionFailed

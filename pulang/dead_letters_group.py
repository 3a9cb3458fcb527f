"""The commands `pulang dead-letters ...`."""

from typing import Annotated

import typer

from pulang.options import DataOption, JsonOption, TokenOption, UrlOption

ServiceArgument = Annotated[str, typer.Argument(help="The service that parked it.")]
KeyArgument = Annotated[str, typer.Argument(help="The record key, as `list` shows it.")]

dead_letters_app = typer.Typer(no_args_is_help=True, help="What cannot be taken in: another try, or giving up.")


@dead_letters_app.command("list")
def list_dead_letters(
    as_json: JsonOption = False, url: UrlOption = None, token: TokenOption = None, data: DataOption = None
) -> None:
    """What is parked, by service and key; never a payload."""
    from pulang.client import reach
    from pulang.dead_letters import list_parked

    list_parked(reach(url, token, data), as_json=as_json)


@dead_letters_app.command("show")
def show_dead_letters(
    service: ServiceArgument,
    key: KeyArgument,
    as_json: JsonOption = False,
    url: UrlOption = None,
    token: TokenOption = None,
    data: DataOption = None,
) -> None:
    """The events that wait under one key, one behind the other; never a payload."""
    from pulang.client import reach
    from pulang.dead_letters import show_parked

    show_parked(reach(url, token, data), service, key, as_json=as_json)


@dead_letters_app.command("retry")
def retry_dead_letters(
    service: Annotated[str | None, typer.Option("--service", help="Only of this service.")] = None,
    key: Annotated[str | None, typer.Option("--key", help="Only under this key.")] = None,
    url: UrlOption = None,
    token: TokenOption = None,
    data: DataOption = None,
) -> None:
    """Try what is parked again, now."""
    from pulang.client import reach
    from pulang.dead_letters import retry_parked

    retry_parked(reach(url, token, data), service, key)


@dead_letters_app.command("discard")
def discard_dead_letters(
    service: ServiceArgument,
    key: KeyArgument,
    reason: Annotated[str, typer.Option("--reason", help="malformed, foreign, obsolete or entered_by_hand.")],
    everything: Annotated[bool, typer.Option("--all", help="All under the key; otherwise only the first.")] = False,
    now: Annotated[bool, typer.Option("--now", help="Also while it is still tried by itself.")] = False,
    consumer: Annotated[str | None, typer.Option("--consumer", help="Whose, where several have parked it.")] = None,
    url: UrlOption = None,
    token: TokenOption = None,
    data: DataOption = None,
) -> None:
    """Give a dead letter up for good: it is never applied, and what waits behind it is tried."""
    from pulang.client import reach
    from pulang.dead_letters import discard_parked

    discard_parked(reach(url, token, data), service, key, reason, consumer, everything=everything, now=now)

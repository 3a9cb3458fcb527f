"""The commands `pulang restored ...`: what is read-only since a restore, and opening it."""

from typing import Annotated

import typer

from pulang.options import DataOption, JsonOption, TokenOption, UrlOption

ServiceArgument = Annotated[str, typer.Argument(help="The service that was restored.")]

restored_app = typer.Typer(no_args_is_help=True, help="After a restore: what is read-only, and opening it.")


@restored_app.command("list")
def list_restored(
    service: ServiceArgument,
    as_json: JsonOption = False,
    url: UrlOption = None,
    token: TokenOption = None,
    data: DataOption = None,
) -> None:
    """What is older than its events, and the events that its state lacks."""
    from pulang.client import reach
    from pulang.restored import list_read_only

    list_read_only(reach(url, token, data), service, as_json=as_json)


@restored_app.command("enter")
def enter_restored(
    service: ServiceArgument,
    subject: Annotated[str, typer.Argument(help="A case, facility or consignment, as `list` shows it.")],
    url: UrlOption = None,
    token: TokenOption = None,
    data: DataOption = None,
) -> None:
    """Open one for writing: an officer enters again what its state lacks."""
    from pulang.client import reach
    from pulang.restored import open_again

    open_again(reach(url, token, data), service, subject)

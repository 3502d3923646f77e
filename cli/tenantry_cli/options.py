"""The options that say which cluster, as whom and where: kubectl's own, for every command."""

import functools
import inspect
from collections.abc import Callable
from typing import Annotated, Any

import typer

from tenantry_cli import completing
from tenantry_cli.cluster import GATEWAYS
from tenantry_cli.kubectl import Kubectl


def _gateways(ctx: typer.Context, incomplete: str) -> list[str]:
    return [one for one in completing.names(ctx.params, GATEWAYS) if one.startswith(incomplete)]


def _namespaces(ctx: typer.Context, incomplete: str) -> list[str]:
    return [one for one in completing.names(ctx.params, "namespaces") if one.startswith(incomplete)]


def _contexts(ctx: typer.Context, incomplete: str) -> list[str]:
    return [one for one in completing.contexts(ctx.params) if one.startswith(incomplete)]


Name = Annotated[
    str | None,
    typer.Argument(help="The Gateway; may be left out where the namespace has one.", autocompletion=_gateways),
]
PANEL = "Which cluster, as whom (as for kubectl)"


def _option(help_text: str, *names: str, complete: Callable[..., Any] | None = None) -> Any:
    return typer.Option(*names, help=help_text, autocompletion=complete, rich_help_panel=PANEL, show_default=False)


OPTIONS: dict[str, Any] = {
    "namespace_": Annotated[
        str | None, _option("The namespace; else the context's.", "--namespace", "-n", complete=_namespaces)
    ],
    "context_": Annotated[str | None, _option("The kubeconfig's context.", "--context", complete=_contexts)],
    "kubeconfig_": Annotated[str | None, _option("The kubeconfig file.", "--kubeconfig")],
    "cluster_": Annotated[str | None, _option("The kubeconfig's cluster.", "--cluster")],
    "user_": Annotated[str | None, _option("The kubeconfig's user.", "--user")],
    "as_": Annotated[str | None, _option("Impersonate this user.", "--as")],
    "as_group_": Annotated[list[str] | None, _option("Impersonate this group, too.", "--as-group")],
    "request_timeout_": Annotated[str | None, _option("How long to wait for an answer.", "--request-timeout")],
}


def with_kubectl(command: Callable[..., None]) -> Callable[..., None]:
    """Give a command these options; it gets them as its first argument, a `Kubectl`."""
    signature = inspect.signature(command, eval_str=True)
    own = list(signature.parameters.values())[1:]
    more = [
        inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=None, annotation=annotation)
        for name, annotation in OPTIONS.items()
    ]

    @functools.wraps(command)
    def wrapped(**parameters: Any) -> None:
        flags = {name: parameters.pop(name) for name in OPTIONS}
        command(Kubectl(completing.cluster_flags(flags), flags["namespace_"]), **parameters)

    keyword_only = [one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in own]
    wrapped.__signature__ = signature.replace(parameters=[*keyword_only, *more])  # type: ignore[attr-defined]
    wrapped.__annotations__ = {one.name: one.annotation for one in (*keyword_only, *more)}
    return wrapped

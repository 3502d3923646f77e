"""The command line. Each command imports its module when it runs, so that help and completion start fast."""

from pathlib import Path
from typing import Annotated, Literal

import typer

from tenantry_cli.cluster import OPERATOR_NAMESPACE
from tenantry_cli.kubectl import Kubectl
from tenantry_cli.options import Name, with_kubectl

VARIABLE = "_KUBECTL_TENANTRY_COMPLETE"
"""The environment variable by which a shell's script asks for completions."""
Output = Literal["text", "json"]
app = typer.Typer(
    name="kubectl tenantry",
    help="A team's AI-agent gateway, from the terminal.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
token_app = typer.Typer(help="Show or rotate a gateway's token.", no_args_is_help=True)
app.add_typer(token_app, name="token")
route_app = typer.Typer(help="Where messages go.", no_args_is_help=True)
app.add_typer(route_app, name="route")
audit_app = typer.Typer(help="A gateway's audit log.", no_args_is_help=True)
app.add_typer(audit_app, name="audit")
JsonOption = Annotated[Output, typer.Option("--output", "-o", help="text or json.")]


@app.command()
@with_kubectl
def init(
    kubectl: Kubectl,
    name: Annotated[str, typer.Argument(help="The Gateway's name.")] = "assistants",
    file: Annotated[Path, typer.Option("--file", "-f", help="Where to write it.")] = Path("gateway.yaml"),
    stdout: Annotated[bool, typer.Option("--stdout", help="Print it instead.")] = False,
) -> None:
    """Write a commented gateway.yaml for a team."""
    from tenantry_cli.commands import init as command

    command.run(kubectl, name, None if stdout else file)


@app.command()
@with_kubectl
def status(
    kubectl: Kubectl,
    name: Name = None,
    all_namespaces: Annotated[bool, typer.Option("--all-namespaces", "-A", help="Look everywhere.")] = False,
    output: JsonOption = "text",
    operator_namespace: Annotated[str, typer.Option(help="Where the operator runs.")] = OPERATOR_NAMESPACE,
) -> None:
    """Say what is wrong, and the next command; exit code 1 if anything is."""
    from tenantry_cli.commands import status as command

    command.run(kubectl, name, everywhere=all_namespaces, output=output, operator_namespace=operator_namespace)


@app.command()
@with_kubectl
def chat(
    kubectl: Kubectl,
    text: Annotated[list[str] | None, typer.Argument(help="A message; without one, a conversation.")] = None,
    gateway: Annotated[
        str | None, typer.Option("--gateway", "-g", help="The Gateway, where there are several.")
    ] = None,
    agent: Annotated[str | None, typer.Option(help="Ask this agent, whatever the bindings say.")] = None,
    channel: Annotated[str | None, typer.Option(help="Speak as if from this channel (api).")] = None,
    channel_id: Annotated[str | None, typer.Option(help="The room or place within the channel.")] = None,
    sender: Annotated[str | None, typer.Option(help="Who speaks.")] = None,
    session: Annotated[
        str | None, typer.Option(help="A conversation of its own, by any name; wins over --sender.")
    ] = None,
) -> None:
    """Talk to a gateway's agents, over kubectl port-forward."""
    from tenantry_cli.commands import chat as command

    fields = {"agentId": agent, "channel": channel, "channelId": channel_id, "senderId": session or sender}
    message = {key: value for key, value in fields.items() if value}
    command.run(kubectl, gateway, " ".join(text) if text else None, message)


@token_app.command("show")
@with_kubectl
def token_show(kubectl: Kubectl, name: Name = None) -> None:
    """Print the gateway's token, and nothing else, to standard output."""
    from tenantry_cli.commands import token as command

    command.show(kubectl, name)


@token_app.command("rotate")
@with_kubectl
def token_rotate(
    kubectl: Kubectl,
    name: Name = None,
    wait: Annotated[float, typer.Option(help="Seconds to wait for the new token; 0: do not.", min=0)] = 300,
) -> None:
    """Have a new token made; the old one stays valid for the overlap."""
    from tenantry_cli.commands import token as command

    command.rotate(kubectl, name, wait)


@route_app.command("explain")
@with_kubectl
def route_explain(
    kubectl: Kubectl,
    name: Name = None,
    channel: Annotated[str | None, typer.Option(help="The message's channel (api).")] = None,
    channel_id: Annotated[str | None, typer.Option(help="The room or place within the channel.")] = None,
    sender: Annotated[str | None, typer.Option(help="Who speaks.")] = None,
    agent: Annotated[str | None, typer.Option(help="The agent that the message names.")] = None,
    output: JsonOption = "text",
) -> None:
    """Say which agent and session a message would reach, and why."""
    from tenantry_cli.commands import route as command

    fields = {"channel": channel, "channelId": channel_id, "senderId": sender, "agentId": agent}
    command.explain(kubectl, name, {key: value for key, value in fields.items() if value}, output=output)


@audit_app.command("tail")
@with_kubectl
def audit_tail(
    kubectl: Kubectl,
    name: Name = None,
    lines: Annotated[int, typer.Option("--lines", help="How many events.", min=1, max=1000)] = 20,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Keep on.")] = False,
    verify: Annotated[
        bool, typer.Option("--verify", help="Check the whole log; exit code 1 if it was changed.")
    ] = False,
    head: Annotated[str | None, typer.Option(help="A head that was noted before: find out what was cut off.")] = None,
    output: JsonOption = "text",
) -> None:
    """Show a gateway's audit log, and check that nobody has changed it."""
    from tenantry_cli.commands import audit as command

    command.tail(kubectl, name, lines, follow=follow, verify=verify, head=head, output=output)


@app.command()
@with_kubectl
def logs(
    kubectl: Kubectl,
    name: Name = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Keep on.")] = False,
    previous: Annotated[
        bool, typer.Option("--previous", "-p", help="Of the containers before the present ones.")
    ] = False,
    tail: Annotated[int, typer.Option(help="Lines of each pod; -1: all.")] = 100,
    raw: Annotated[bool, typer.Option("--raw", help="Lines as they were written.")] = False,
    operator: Annotated[bool, typer.Option("--operator", help="The operator's lines about this tenant, too.")] = False,
    operator_namespace: Annotated[str, typer.Option(help="Where the operator runs.")] = OPERATOR_NAMESPACE,
) -> None:
    """Show the logs of all of a gateway's pods, readable."""
    from tenantry_cli.commands import logs as command

    what = command.Wanted(follow=follow, previous=previous, tail=tail, raw=raw)
    command.run(kubectl, name, what, operator_namespace if operator else None)


@app.command()
@with_kubectl
def lint(
    kubectl: Kubectl,
    files: Annotated[list[str], typer.Argument(help="Files or folders; - is standard input.")],
    output: JsonOption = "text",
    server: Annotated[
        bool, typer.Option("--server", help="Ask the cluster, too: rules about changes and its policies.")
    ] = False,
) -> None:
    """Check manifests as the API server does, offline; exit code 1 on errors."""
    from tenantry_cli.commands import lint as command

    command.run(kubectl, files, output=output, server=server)


@app.command()
def completion(shell: Annotated[Literal["bash", "zsh", "fish"], typer.Argument(help="The shell.")]) -> None:
    """Print a completion script. kubectl's own completion needs none: it asks kubectl_complete-tenantry."""
    from tenantry_cli.commands import completion as command

    command.run(shell, VARIABLE)

"""Which kinds the API server serves."""

from collections.abc import Iterable

from tenantry_operator.kube.client import Client
from tenantry_operator.kube.errors import NotFoundError
from tenantry_operator.kube.kinds import Kind


async def served(client: Client, kinds: Iterable[Kind]) -> frozenset[Kind]:
    """Those of ``kinds`` that the API server serves now, in their version; one request for each API version.

    Raises:
        ApiError: if it does not tell.
    """
    wanted = tuple(kinds)
    plurals = {root: await _plurals(client, root) for root in dict.fromkeys(kind.root for kind in wanted)}
    return frozenset(kind for kind in wanted if kind.plural in plurals[kind.root])


async def _plurals(client: Client, root: str) -> frozenset[str]:
    try:
        answer = await client.get_path(root)
    except NotFoundError:
        return frozenset()
    return frozenset(each["name"] for each in answer.get("resources") or ())

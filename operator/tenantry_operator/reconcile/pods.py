"""Keeps gateway pods on the latest configuration: asks what they serve, touches them when something has changed."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from tenantry_operator.api.v1alpha1.gateway import Gateway
from tenantry_operator.conditions.observation import PodView
from tenantry_operator.kube.apply import Writer
from tenantry_operator.kube.cache import Cache
from tenantry_operator.kube.kinds import Key
from tenantry_operator.kube.observe import PodAnswer, PodProbe
from tenantry_operator.reconcile import refresh
from tenantry_operator.reconcile.refresh import PodMemory, Wanted
from tenantry_operator.resources.metadata import REFRESH_ANNOTATION


@dataclass(slots=True)
class Pods:
    """The pods of all Gateways."""

    cache: Cache
    probe: PodProbe
    writer: Writer
    clock: Callable[[], float]
    """Monotonic seconds."""
    _memory: dict[Key, PodMemory] = field(default_factory=dict)

    def of(self, gateway: Gateway) -> tuple[PodView, ...]:
        """A Gateway's pods as last seen."""
        views = (record.view for record in self.cache.of_gateway(gateway.key))
        return tuple(view for view in views if isinstance(view, PodView))

    def served(self, gateway: Gateway, pods: Sequence[PodView]) -> dict[str, str]:
        """The configuration hash that each pod has reported, by the pod's name."""
        return self._memory.get(gateway.key, PodMemory()).served(pods)

    def forget(self, gateway: Key) -> None:
        """Drop what is remembered of a Gateway that is gone."""
        self._memory.pop(gateway, None)

    def without_token(self, gateway: Gateway, version: str) -> tuple[str, ...]:
        """Names of the pods that may serve clients and have not reported this version of the tokens."""
        return self._memory.get(gateway.key, PodMemory()).without_token(self.of(gateway), version)

    async def refresh(self, gateway: Gateway, wanted: Wanted) -> float | None:
        """Ask and touch where it is due. Returns in how many seconds to do so again; None if all is well.

        Raises:
            ApiError: if a pod cannot be touched.
        """
        everyone = self.of(gateway)
        pods = refresh.live_pods(everyone)
        memory = self._memory.setdefault(gateway.key, PodMemory())
        refresh.follow(memory, everyone, wanted)
        asked = refresh.to_ask(memory, pods, wanted)
        answers = await asyncio.gather(*(self._ask(gateway, pod) for pod in asked))
        for pod, answer in zip(asked, answers, strict=True):
            refresh.heard(memory, pod, answer, wanted)
        for pod, value in refresh.to_touch(memory, pods, wanted, self.clock()):
            await self.writer.touch_pod((gateway.meta.namespace, pod.name), REFRESH_ANNOTATION, value)
        return refresh.next_look(memory, pods, wanted, self.clock())

    async def _ask(self, gateway: Gateway, pod: PodView) -> PodAnswer:
        return await self.probe.ask((gateway.meta.namespace, pod.name), pod.ip, gateway.spec.port)

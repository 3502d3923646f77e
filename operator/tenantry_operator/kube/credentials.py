"""Who we are to the API server: the pod's service account, or a kubeconfig, read by the official client's parsers."""

import asyncio
import os
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from kubernetes.aio.client import Configuration
from kubernetes.aio.config.incluster_config import (
    SERVICE_CERT_FILENAME,
    SERVICE_TOKEN_FILENAME,
    InClusterConfigLoader,
)
from kubernetes.aio.config.kube_config import load_kube_config

from tenantry_operator.errors import TenantryError


class CredentialsError(TenantryError):
    """No way to reach an API server is configured, or the configuration cannot be read."""


class Credentials(Protocol):
    """Where the API server is and how to prove who we are."""

    @property
    def server(self) -> str:
        """Base URL without a trailing slash."""
        ...

    @property
    def in_cluster(self) -> bool:
        """Whether we run in a pod of the cluster, so that other pods' addresses are reachable."""
        ...

    def ssl_context(self) -> ssl.SSLContext | bool:
        """The TLS context of every connection; True for plain defaults."""
        ...

    def endpoint(self) -> tuple[str, ...]:
        """What connections are made from: server and certificates. Where it changes, new ones are needed."""
        ...

    async def headers(self) -> Mapping[str, str]:
        """Headers of the next request; a rotated token is read again from its file."""
        ...

    async def reload(self) -> None:
        """Read everything again: the server has answered 401.

        Raises:
            CredentialsError: where it cannot be read, as while it is being written; then nothing has changed.
        """
        ...


@dataclass(slots=True)
class ConfiguredCredentials:
    """Credentials that the official client has parsed; ``kubeconfig`` None means the pod's service account."""

    configuration: Configuration
    kubeconfig: Path | None

    @property
    def server(self) -> str:
        """Base URL without a trailing slash."""
        return str(self.configuration.host).rstrip("/")

    @property
    def in_cluster(self) -> bool:
        """Whether the pod's service account is used."""
        return self.kubeconfig is None

    def ssl_context(self) -> ssl.SSLContext | bool:
        """CA and client certificate as configured."""
        settings = self.configuration
        if not self.server.startswith("https:"):
            return True
        context = ssl.create_default_context(cafile=settings.ssl_ca_cert, cadata=settings.ca_cert_data)
        if settings.cert_file:
            context.load_cert_chain(settings.cert_file, keyfile=settings.key_file)
        if not settings.verify_ssl:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        return context

    def endpoint(self) -> tuple[str, ...]:
        """Server, CA and client certificate: their content, since files are written anew each time."""
        settings = self.configuration
        files = (settings.ssl_ca_cert, settings.cert_file, settings.key_file)
        contents = (Path(file).read_text() if file else "" for file in files)
        return (self.server, str(settings.ca_cert_data or ""), *contents)

    async def headers(self) -> Mapping[str, str]:
        """``Authorization``, if a token is configured; in a pod the file is read again once a minute."""
        auth = await self.configuration.auth_settings()
        if "BearerToken" not in auth:
            return {}
        return {"Authorization": str(auth["BearerToken"]["value"]).strip()}

    async def reload(self) -> None:
        """Parse the kubeconfig or the mounted token again."""
        found = await load_credentials(self.kubeconfig)
        if self.identified and not found.identified:  # Its users come last, and are not written yet.
            raise CredentialsError(f"kubeconfig {self.kubeconfig} no longer has a token or certificate of its user")
        self.configuration = found.configuration

    @property
    def identified(self) -> bool:
        """Whether there is a token or a client certificate; else requests are anonymous."""
        return bool(self.configuration.api_key or self.configuration.cert_file)


async def load_credentials(kubeconfig: Path | None) -> ConfiguredCredentials:
    """Credentials from ``kubeconfig``, or of the pod's service account if it is None.

    Raises:
        CredentialsError: naming what is missing.
    """
    configuration = Configuration()
    if kubeconfig is not None and os.pathsep not in str(kubeconfig) and not await asyncio.to_thread(kubeconfig.is_file):
        raise CredentialsError(f"kubeconfig {kubeconfig} does not exist: set KUBECONFIG or give --kubeconfig")
    found = ConfiguredCredentials(configuration, kubeconfig)
    try:
        if kubeconfig is None:
            InClusterConfigLoader(SERVICE_TOKEN_FILENAME, SERVICE_CERT_FILENAME).load_and_set(configuration)
        else:
            await load_kube_config(str(kubeconfig), client_configuration=configuration, persist_config=False)
        found.ssl_context()
    except Exception as error:  # Of a file that is half written, the parsers raise whatever they run into.
        source = f"kubeconfig {kubeconfig}" if kubeconfig else "the pod's service account"
        said = str(error) or type(error).__name__
        raise CredentialsError(f"cannot read credentials from {source}: {said}; is KUBECONFIG right?") from error
    return found

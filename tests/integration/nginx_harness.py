"""nginx with the enterprise guide's server block, in front of a gateway: only paths and ports are put in."""

from __future__ import annotations

import asyncio
import os
import shutil
import ssl
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from dev.cluster.control_plane import free_ports
from dev.cluster.prerequisites import SEARCH
from tests.guide import BLOCKS
from tests.integration.gateway_harness import AUTH, SECONDS

NAME = "gateway.company.com"
BLOCK = BLOCKS["Reverse Proxy: nginx"]
AROUND = """\
{user}daemon off;
pid {folder}/pid;
events {{}}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
{block}
}}
"""


@dataclass(frozen=True)
class Nginx:
    """A running proxy."""

    port: int
    trust: ssl.SSLContext
    configuration: str
    """What nginx says that it runs with."""

    @property
    def url(self) -> str:
        return f"https://127.0.0.1:{self.port}"

    @asynccontextmanager
    async def client(self, address: str = "127.0.0.1") -> AsyncIterator[aiohttp.ClientSession]:
        """A client with the token, whose connections come from `address`."""
        connector = aiohttp.TCPConnector(local_addr=(address, 0), ssl=self.trust)
        async with aiohttp.ClientSession(
            headers={**AUTH, "Host": NAME}, connector=connector, timeout=aiohttp.ClientTimeout(total=SECONDS)
        ) as session:
            yield session


@asynccontextmanager
async def nginx(folder: Path, upstream: int, block: str = BLOCK) -> AsyncIterator[Nginx]:
    """The server block before the gateway on port `upstream`, with a certificate of its own."""
    (port,) = free_ports(1)
    command, certificate, configuration = _prepare(folder, port, upstream, block)
    process = await asyncio.create_subprocess_exec(*command)
    try:
        await _listens(process, port)
        trust = ssl.create_default_context(cafile=certificate)
        yield Nginx(port, trust, configuration)
    finally:
        process.terminate()
        await process.wait()


def _prepare(folder: Path, port: int, upstream: int, block: str) -> tuple[list[str], Path, str]:
    """nginx's command, its certificate, and the configuration as it reads it."""
    folder.mkdir()
    certificate, key = _certificate(folder)
    for old, new in (
        ("server localhost:18789;", f"server localhost:{upstream};"),
        ("listen 443 ssl;", f"listen 127.0.0.1:{port} ssl;"),
        ("/etc/ssl/certs/gateway.crt", str(certificate)),
        ("/etc/ssl/private/gateway.key", str(key)),
    ):
        assert block.count(old) == 1
        block = block.replace(old, new)
    file = folder / "nginx.conf"
    user = "user root;\n" if os.geteuid() == 0 else ""
    file.write_text(AROUND.format(user=user, folder=folder, block=block))
    program = shutil.which("nginx", path=SEARCH)
    assert program is not None, "nginx is missing: make test-integration installs it"
    command = [program, "-p", str(folder), "-c", str(file), "-e", str(folder / "error.log")]
    configuration = subprocess.run([*command, "-T"], capture_output=True, text=True, check=True).stdout
    return command, certificate, configuration


def _certificate(folder: Path) -> tuple[Path, Path]:
    """A certificate of the guide's name, and its key."""
    certificate, key = folder / "gateway.crt", folder / "gateway.key"
    names = f"subjectAltName=DNS:{NAME},IP:127.0.0.1"
    command = ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", "2", "-subj", f"/CN={NAME}", "-addext", names, "-out", str(certificate), "-keyout", str(key)]
    subprocess.run(command, capture_output=True, check=True)
    return certificate, key


async def _listens(process: asyncio.subprocess.Process, port: int) -> None:
    async with asyncio.timeout(SECONDS):
        while True:
            assert process.returncode is None, "nginx ended: see error.log"
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except ConnectionRefusedError:
                await asyncio.sleep(0.02)
                continue
            writer.close()
            await writer.wait_closed()
            return

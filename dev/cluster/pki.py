"""A throw-away certificate authority and what it signs, made by the openssl command: no dependency, 10 ms each."""

import shutil
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from dev.errors import DevError

DAYS = 365


@dataclass(frozen=True, slots=True)
class Credentials:
    """A certificate and its private key, PEM, in files."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Identity:
    """Whom a certificate names: Kubernetes takes the common name as the user and the organization as the group."""

    user: str
    group: str = ""
    names: tuple[str, ...] = ()
    """Subject alternative names, as openssl writes them: `IP:127.0.0.1`, `DNS:localhost`."""


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate authority in a folder of its own."""

    folder: Path

    @classmethod
    def create(cls, folder: Path) -> "Authority":
        """Make the folder, the authority's certificate and the key that signs ServiceAccount tokens.

        Raises:
            DevError: where openssl is missing or fails.
        """
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        authority = cls(folder)
        _request(authority.credentials("ca"), request_config(Identity("tenantry-dev-ca"), authority=True), signer=None)
        _openssl(["ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", str(authority.token_key)], "")
        return authority

    def issue(self, name: str, identity: Identity) -> Credentials:
        """Sign a certificate for client and server use into `<name>.crt` and `<name>.key`."""
        credentials = self.credentials(name)
        _request(credentials, request_config(identity, authority=False), signer=self.credentials("ca"))
        return credentials

    def credentials(self, name: str) -> Credentials:
        """Return where the named certificate is or would be."""
        return Credentials(self.folder / f"{name}.crt", self.folder / f"{name}.key")

    @property
    def certificate(self) -> Path:
        """The authority's own certificate."""
        return self.folder / "ca.crt"

    @property
    def token_key(self) -> Path:
        """The private key that signs ServiceAccount tokens; Kubernetes reads the public half from it as well."""
        return self.folder / "service-account.key"


def request_config(identity: Identity, *, authority: bool) -> str:
    """Return the openssl configuration of one self-contained request: subject and extensions, nothing inherited."""
    subject = [f"O = {identity.group}"] if identity.group else []
    usage = (
        [
            "basicConstraints = critical,CA:TRUE",
            "keyUsage = critical,keyCertSign,cRLSign",
            "subjectKeyIdentifier = hash",
        ]
        if authority
        else [
            "basicConstraints = critical,CA:FALSE",
            "keyUsage = critical,digitalSignature",
            "extendedKeyUsage = serverAuth,clientAuth",
        ]
    )
    names = [f"subjectAltName = {','.join(identity.names)}"] if identity.names else []
    header = ["[req]", "distinguished_name = subject", "x509_extensions = extensions", "prompt = no"]
    lines = [*header, "[subject]", *subject, f"CN = {identity.user}", "[extensions]", *usage, *names]
    return "\n".join(lines) + "\n"


def _request(target: Credentials, config: str, signer: Credentials | None) -> None:
    command = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes"]
    command += ["-days", str(DAYS), "-config", "/dev/stdin"]
    command += ["-keyout", str(target.key), "-out", str(target.certificate)]
    if signer is not None:
        command += ["-CA", str(signer.certificate), "-CAkey", str(signer.key)]
    _openssl(command, config)


def _openssl(arguments: Sequence[str], config: str) -> None:
    if shutil.which("openssl") is None:
        raise DevError("openssl is missing: apt-get install openssl")
    result = subprocess.run(["openssl", *arguments], input=config, capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise DevError(f"openssl {arguments[0]} failed (3.0 or newer is needed): {result.stderr.strip()}")

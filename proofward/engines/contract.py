"""The contract of an engine: whatever carries the requests of sites in processes of their own to the server.

An engine is a folder beside this file with a class that keeps the contract, and a line in `registry`. The
protocol is none of its business: a member needs a function that carries bytes to the server and the answer
back (`remote.link.Carry`), the server's end offers one that answers (`remote.hosting.desk.Desk`). So the
contract holds what commands ask of any engine, and the layout of a kit that sites, commands and documents
rely on:

    KIT/proofward      the site's own folder, `remote.agreement.home.Home`, with the name of the engine in it
    FOLDER/kits/SITE   a kit for every site, the server's and the coordinator's among them
    FOLDER/authority   what makes certificates

It does not hold how an engine keeps a connection, resumes, or describes itself in a kit. `in_process` has no
kits and is no engine in this sense. Laws that every registered engine has to pass are in
tests/engines/test_engine_contract.py.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING, Protocol

from proofward.encoding.errors import OtherKind
from proofward.ledger.files import write_file

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

    from proofward.engines.remote.agreement.certificates import Certificates
    from proofward.engines.remote.agreement.terms import Terms
    from proofward.engines.remote.views import SiteView

SERVER, CLIENT, ADMIN = "server", "client", "admin"
"""Kinds of kits: the aggregator's, a hospital's or verifier's, the coordinator's."""
KITS, AUTHORITY, HOME = "kits", "authority", "proofward"
ENGINE_NAME = "engine"
"""The file that names the engine, in HOME of a kit and in AUTHORITY."""
GOOD, WARNING, PROBLEM = "ok", "warning", "problem"
MAX_CERTIFICATE_BYTES = 1 << 16
Note = Callable[..., None]
"""Writes a line of a site's log, `operations.event_log.EventLog.note`."""


class KitError(Exception):
    """The folder is no start-up kit, or one that cannot do what is asked: what is wrong, and what to do."""


class WrongProxy(KitError):
    """What the operator has named as a proxy is none that the engine can use."""


class EngineMissing(Exception):
    """What the engine needs is not installed: what to install."""


class ProvisioningFailed(Exception):
    """No kits can be made: the reason that the engine gives."""


class RenewalRefused(Exception):
    """What is wrong with an authority's folder or with a certificate, and what to do."""


class NoCertificate(RenewalRefused, OtherKind):
    """A file that is no certificate at all."""


class AlreadyRunning(Exception):
    """Another process runs this kit."""


class GaveUp(Exception):
    """The engine's process died too often; the reason that its log names."""


@dataclass(frozen=True)
class Network:
    """server: its name, the kit's and the certificate's; port: the only one, incoming at the server.

    addresses: all names and IP addresses under which sites reach it, the name alone unless given.
    """

    server: str
    port: int
    addresses: tuple[str, ...] = ()

    @property
    def hosts(self) -> tuple[str, ...]:
        """What the certificate is for and kits connect to."""
        return self.addresses or (self.server,)


@dataclass(frozen=True)
class Check:
    """outcome: GOOD, WARNING or PROBLEM. remedy: what to do, "" where there is nothing to do."""

    name: str
    outcome: str
    detail: str
    remedy: str = ""


@dataclass(frozen=True)
class Problem:
    """Its name, whom or what it is about, what happened and what to do, and the reason that the logs name."""

    check: str
    subject: str
    sentence: str
    detail: str = ""


@dataclass(frozen=True)
class Health:
    """How a kit stands; job_over: a coordinator's, whose job the server has ended for good."""

    process: int | None
    view: SiteView
    problems: tuple[Problem, ...] = field(default=())
    job_over: bool = False

    @property
    def over(self) -> bool:
        """Whether the federation has come to its end as far as the kit knows."""
        from proofward.federation.history.state.history_state import CLOSED

        view = self.view
        phases = {member.phase for member in view.members} | {view.ledger.phase if view.ledger else ""}
        return CLOSED in phases


class Authority(Protocol):
    """The key that signs a consortium's certificates."""

    @property
    def sites(self) -> tuple[str, ...]:
        """Names of all that have a certificate."""

    def renew(self, site: str, now: datetime, days: int) -> bytes:
        """A new certificate in PEM for the site's present key; raises RenewalRefused."""


class Engine(ABC):
    """Makes kits and runs them. Whatever takes a kit raises KitError when the folder is none of its own."""

    name: str
    """In the registry, in `--engine`, and in every kit that the engine makes."""
    what: str
    """A line for the help of `--engine`."""

    @abstractmethod
    def require_installed(self) -> None:
        """Raises EngineMissing where a package that the engine needs is not there."""

    # The consortium, at the coordinator's machine

    @abstractmethod
    def require_room(self, folder: Path, kits: int) -> None:
        """Raises KitError unless so many new kits have room where `folder` is or will be."""

    @abstractmethod
    def provision(
        self, folder: Path, network: Network, terms: Terms, model: bytes, seed: bytes | None = None
    ) -> dict[str, Path]:
        """Writes FOLDER/kits and FOLDER/authority, for their owner only; the kits' paths by site.

        model: a trusted first model, for the aggregator, or b"" for one that the members draw.
        seed: only for repeatable runs. Raises ProvisioningFailed.
        """

    def add_site(self, folder: Path, network: Network, terms: Terms, site: str) -> Path:
        """Writes FOLDER/kits/SITE for a hospital that the terms do not name, see `Home.added`.

        The authority in the folder makes its certificate; no other kit changes. Raises ProvisioningFailed.
        """
        raise ProvisioningFailed(f"the engine {self.name} adds no sites to a consortium")

    @abstractmethod
    def authority(self, folder: Path) -> Authority:
        """What FOLDER/authority holds; raises RenewalRefused."""

    # A kit, at its site

    @abstractmethod
    def kind(self, kit: Path) -> str:
        """SERVER, CLIENT or ADMIN."""

    @abstractmethod
    def server(self, kit: Path) -> tuple[str, int]:
        """Name and port under which the kit's site reaches the server, or is it."""

    @abstractmethod
    def addresses(self, kit: Path) -> tuple[str, ...]:
        """All names and IP addresses under which sites reach the server, the preferred one first."""

    @abstractmethod
    def certificates(self, kit: Path) -> Certificates:
        """The kit's TLS certificate and key, and the authority's certificate."""

    @abstractmethod
    def check_renewed(self, data: bytes, kit: Path, now: datetime) -> Certificate:
        """The certificate in `data`, if it may take the place of the kit's; raises RenewalRefused."""

    @abstractmethod
    def configure(self, kit: Path) -> None:
        """Writes the local settings of a kit, so that only what is meant runs; not for the coordinator's."""

    @abstractmethod
    def checks(self, kit: Path, offline: bool = False) -> Iterator[Check]:
        """What may stop a site from working; never raises for what it finds. offline: connects to nothing."""

    @abstractmethod
    def require_possible(self, kit: Path, joining: bool = False) -> None:
        """KitError, a line each, for what makes starting, or joining, impossible; connects to nothing."""

    @abstractmethod
    def health(self, kit: Path) -> Health:
        """What the operator has to do something about, read off the kit alone; raises HomeError, too."""

    @abstractmethod
    def environment(self, kit: Path, proxy: str | None, address: str | None = None) -> Mapping[str, str]:
        """Variables with which the kit's processes connect to the server.

        address: the one of `addresses` that they connect to, None for any of them.
        proxy: an HTTP proxy's URL, "none" for no proxy, None where the operator said nothing.
        Raises KitError where that is not possible, or not clear.
        """

    @abstractmethod
    def running(self, kit: Path) -> int | None:
        """The process that runs a kit, if one does; SIGTERM ends it and all that it started."""

    @abstractmethod
    def claimed(self, kit: Path) -> AbstractContextManager[Callable[[], None]]:
        """Nobody else runs the kit meanwhile, or AlreadyRunning.

        What it gives is called when the kit runs: only then does `running` name this process.
        """

    @abstractmethod
    def run(
        self,
        kit: Path,
        stop: Event,
        *,
        note: Note,
        environment: Mapping[str, str],
        ready: Callable[[], None],
        address: str | None = None,
    ) -> bool:
        """Runs a claimed kit until `stop` is set; whether it ended because the federation is closed.

        address: the one of `addresses` to connect to; None for the first that answers.
        ready: called once nothing stands in the way. Raises KitError before, GaveUp after that.
        """

    @abstractmethod
    def end_leftovers(self, kit: Path) -> None:
        """Ends processes of a kit that nobody looks after."""


def home_of(kit: Path) -> Path:
    """ProofWard's folder in a kit."""
    return kit / HOME


def record_engine(folder: Path, name: str) -> None:
    """Notes in the home of a kit, or in an authority's folder, which engine made it."""
    path = folder / ENGINE_NAME
    write_file(path, f"{name}\n".encode(), path.with_suffix(".tmp"), mode=0o600)

"""NVIDIA FLARE as an engine, by the contract; what it needs is imported when it is asked for."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from datetime import datetime
from pathlib import Path
from threading import Event
from typing import TYPE_CHECKING

from proofward.engines.contract import (
    ADMIN,
    AUTHORITY,
    SERVER,
    Authority,
    Check,
    Engine,
    EngineMissing,
    Health,
    Network,
    Note,
    home_of,
    record_engine,
)

if TYPE_CHECKING:
    from cryptography.x509 import Certificate

    from proofward.engines.remote.agreement.certificates import Certificates
    from proofward.engines.remote.agreement.terms import Terms

PROJECT = "proofward"


class FlareEngine(Engine):
    """See the contract."""

    name = "flare"
    what = "NVIDIA FLARE, mutual TLS through one port of the server"

    def require_installed(self) -> None:
        """See the contract."""
        if importlib.util.find_spec("nvflare") is None:
            raise EngineMissing("NVIDIA FLARE is not installed: pip install 'proofward[flare]'")

    def require_room(self, folder: Path, kits: int) -> None:
        """See the contract."""
        from proofward.engines.flare.condition.machine_checks import require_room

        require_room(folder, kits)

    def provision(
        self, folder: Path, network: Network, terms: Terms, model: bytes, seed: bytes | None = None
    ) -> dict[str, Path]:
        """See the contract."""
        from proofward.engines.flare.kits.provision import provision

        kits = provision(folder, PROJECT, network, terms, model, seed)
        for place in (folder / AUTHORITY, *map(home_of, kits.values())):
            record_engine(place, self.name)
        return kits

    def add_site(self, folder: Path, network: Network, terms: Terms, site: str) -> Path:
        """See the contract."""
        from proofward.engines.flare.kits.provision import COORDINATOR, provision_added

        issued = self.authority(folder).sites
        earlier = [known for known in issued if known not in (network.server, COORDINATOR)]
        kit = provision_added(folder, PROJECT, network, terms, earlier, site)
        record_engine(home_of(kit), self.name)
        return kit

    def authority(self, folder: Path) -> Authority:
        """See the contract."""
        from proofward.engines.flare.kits.renewal import CertificateAuthority

        return CertificateAuthority(folder / AUTHORITY)

    def kind(self, kit: Path) -> str:
        """See the contract."""
        from proofward.engines.flare.kits.kit import kind_of

        return kind_of(kit)

    def server(self, kit: Path) -> tuple[str, int]:
        """See the contract."""
        from proofward.engines.flare.kits.addresses import addresses_of, server_of

        host, port = server_of(kit)
        return (addresses_of(kit)[0] if self.kind(kit) == SERVER else host), port

    def addresses(self, kit: Path) -> tuple[str, ...]:
        """See the contract."""
        from proofward.engines.flare.kits.addresses import addresses_of

        return addresses_of(kit)

    def certificates(self, kit: Path) -> Certificates:
        """See the contract."""
        from proofward.engines.flare.kits.kit import certificates_of

        return certificates_of(kit)

    def check_renewed(self, data: bytes, kit: Path, now: datetime) -> Certificate:
        """See the contract."""
        from proofward.engines.flare.kits.renewal import check_renewed

        held = self.certificates(kit)
        return check_renewed(data, held.certificate, held.authority, now)

    def configure(self, kit: Path) -> None:
        """See the contract."""
        from proofward.engines.flare.kits.kit import configure

        configure(kit)

    def checks(self, kit: Path, offline: bool = False) -> Iterator[Check]:
        """See the contract."""
        from proofward.engines.flare.condition.checks import examine

        return examine(kit, offline)

    def require_possible(self, kit: Path, joining: bool = False) -> None:
        """See the contract."""
        from proofward.engines.flare.condition.checks import TO_JOIN, require_possible

        require_possible(kit, TO_JOIN if joining else ())

    def health(self, kit: Path) -> Health:
        """See the contract."""
        from proofward.engines.flare.condition.health import health

        return health(kit)

    def environment(self, kit: Path, proxy: str | None, address: str | None = None) -> Mapping[str, str]:
        """See the contract. The server connects to itself only."""
        from proofward.engines.flare.kits.proxy import DIRECT, proxy_environment

        wanted = DIRECT if self.kind(kit) == SERVER else proxy
        found: dict[str, str] = {}
        for host in self.addresses(kit) if address is None else (address,):
            found.update(proxy_environment(wanted, host))
        return found

    def running(self, kit: Path) -> int | None:
        """See the contract."""
        from proofward.engines.flare.condition.running import running

        return running(kit)

    def claimed(self, kit: Path) -> AbstractContextManager[Callable[[], None]]:
        """See the contract."""
        from proofward.engines.flare.supervisor import claimed

        return claimed(kit)

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
        """See the contract."""
        from proofward.engines.flare.condition.reaching import pointer
        from proofward.engines.flare.kits.kit import await_free
        from proofward.engines.flare.supervisor import Supervisor

        point = pointer(kit, address, proxied=bool(environment.get("grpc_proxy")))
        if self.kind(kit) == ADMIN:
            # it brings FLARE, which a site's process only starts
            from proofward.engines.flare.keeper import Keeper
            from proofward.engines.remote.agreement.home import Home

            os.environ.update(environment)
            sites = {seat.site for seat in Home(home_of(kit)).terms.seats}
            ready()
            return Keeper(kit, len(sites) - 1, stop, note, point).run()
        self.end_leftovers(kit)
        if self.kind(kit) == SERVER:
            await_free(self.server(kit)[1])
        self.configure(kit)
        ready()
        Supervisor(kit, stop, note, environment, before=point).run()
        return False

    def end_leftovers(self, kit: Path) -> None:
        """See the contract."""
        from proofward.engines.flare.supervisor import end_leftovers

        end_leftovers(kit)

"""Certificates as FLARE makes them, but back-dated by a day, and the server's with all its addresses.

A certificate that begins now is refused by every machine whose clock is some minutes late. FLARE's own way of
naming several hosts takes no IPv6 address.
"""

from __future__ import annotations

import datetime
from typing import Any

from cryptography import x509
from nvflare.lighter.entity import Participant
from nvflare.lighter.impl.cert import CertBuilder

from proofward.engines.flare.kits.provision import ADDRESSES_PROPERTY
from proofward.engines.flare.kits.renewal import BACK_DATED


class BackdatedCertBuilder(CertBuilder):
    """FLARE's builder; every certificate, the authority's too, begins and ends a day earlier."""

    @staticmethod
    def _generate_cert(
        *arguments: Any,
        not_valid_before: datetime.datetime | None = None,
        server: Participant | None = None,
        **options: Any,
    ) -> x509.Certificate:
        begin = (not_valid_before or datetime.datetime.now(datetime.UTC)) - BACK_DATED
        if server is not None:
            first, *others = server.get_prop(ADDRESSES_PROPERTY)
            options |= {"server_default_host": first, "server_additional_hosts": others}
        made = CertBuilder._generate_cert(*arguments, not_valid_before=begin, **options)
        assert isinstance(made, x509.Certificate)
        return made

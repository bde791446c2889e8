"""Certificates that are valid from a day before they were made: clocks of sites differ.

A certificate that begins now is refused by every machine whose clock is some minutes late.
"""

from __future__ import annotations

import datetime
from typing import Any

from cryptography import x509
from nvflare.lighter.impl.cert import CertBuilder

from proofward.engines.flare.kits.renewal import BACK_DATED


class BackdatedCertBuilder(CertBuilder):
    """FLARE's builder; every certificate, the authority's too, begins and ends a day earlier."""

    @staticmethod
    def _generate_cert(
        *arguments: Any, not_valid_before: datetime.datetime | None = None, **options: Any
    ) -> x509.Certificate:
        begin = (not_valid_before or datetime.datetime.now(datetime.UTC)) - BACK_DATED
        made = CertBuilder._generate_cert(*arguments, not_valid_before=begin, **options)
        assert isinstance(made, x509.Certificate)
        return made

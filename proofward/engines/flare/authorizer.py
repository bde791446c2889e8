"""An authorizer for NVIDIA FLARE's manager of confidential computing, over the same evidence and rules.

FLARE asks sites for a token when they register and from time to time, and shuts down where one is not
accepted. This authorizer's token is evidence of the machine, bound to the consortium, the member and its
protocol key as on the ledger, with a nonce that holds the time. It names no ledger: size 0, root of zeros.
A verifier takes a token once, and only while it is young.

It is optional and decides nothing in the protocol: FLARE's own checks end FLARE's system and no more. It goes
into a kit's `local/resources.json` as a component, whose arguments are those of the class, beside
`nvflare.app_opt.confidential_computing.cc_manager.CCManager`. Never run on such a machine.
"""

from __future__ import annotations

import base64
import binascii
import secrets
import time
from collections import deque
from collections.abc import Callable, Mapping
from pathlib import Path

from nvflare.app_opt.confidential_computing.cc_authorizer import CCAuthorizer, CCTokenGenerateError

from proofward.attestation.binding import NONCE_BYTES, Binding
from proofward.attestation.claims import MAX_COLLATERAL_BYTES, Item
from proofward.attestation.collect import TSM, CannotCollect, Prepared, from_tsm
from proofward.attestation.errors import CannotVerify, EvidenceRefused, demand
from proofward.attestation.policy import Policy
from proofward.encoding import MalformedMessage
from proofward.engines.contract import home_of
from proofward.engines.remote.agreement.home import Home, HomeError
from proofward.engines.remote.agreement.prepared_evidence import from_bytes, to_bytes
from proofward.federation.messages.consortium.rules import Rules
from proofward.ledger.reading import NotReadable, read_regular

NAMESPACE = "x-proofward"
NO_LEDGER = (0, bytes(32))
TIME_BYTES = 8
REMEMBERED = 100_000
MOST_BYTES = 1 << 21
"""Of a token's text."""


class ProofWardCCAuthorizer(CCAuthorizer):
    """Makes and verifies tokens for one member of a kit.

    kit: the start-up kit. member: whose machine this is. collateral: by kind, the file with the vendor's
    certificates and lists. maximum_age: seconds that a token is good for. tsm: where configfs-tsm is.
    """

    def __init__(
        self,
        kit: str,
        member: str,
        collateral: Mapping[str, str],
        maximum_age: int = 600,
        tsm: str = str(TSM),
    ) -> None:
        super().__init__()
        self._home, self._member, self._tsm = Home(home_of(Path(kit))), member, Path(tsm)
        self._collateral = {kind: Path(path) for kind, path in collateral.items()}
        self._age = maximum_age
        self._clock: Callable[[], int] = lambda: int(time.time())
        self._seen: deque[bytes] = deque(maxlen=REMEMBERED)

    def get_namespace(self) -> str:
        """See CCAuthorizer."""
        return NAMESPACE

    def generate(self) -> str:
        """A fresh token; raises CCTokenGenerateError."""
        try:
            rules, _ = self._agreed()
            now = self._clock()
            nonce = now.to_bytes(TIME_BYTES, "little") + secrets.token_bytes(NONCE_BYTES - TIME_BYTES)
            own = rules.find(self._member)
            if own is None:
                raise CannotCollect("a member that the rules name", self._member)
            binding = Binding(rules.digest, own.name, own.key, *NO_LEDGER, nonce)
            kind, evidence = from_tsm(binding.report_data(), self._tsm)
            if kind not in self._collateral:
                raise CannotCollect("a file with collateral", f"none for {kind}")
            collateral = read_regular(self._collateral[kind], MAX_COLLATERAL_BYTES, follow=True)
        except (CannotCollect, HomeError, NotReadable, EvidenceRefused) as error:
            raise CCTokenGenerateError(str(error)) from error
        token = to_bytes(Prepared(binding, now, (Item(kind, evidence, collateral),)))
        return base64.b64encode(token).decode()

    def verify(self, token: str) -> bool:
        """Whether a token is a member's, fresh, not seen before, and its evidence what the rules allow."""
        try:
            self.check(token)
        except (EvidenceRefused, CannotVerify, HomeError):
            return False
        return True

    def check(self, token: str) -> str:
        """The member whose token it is; raises EvidenceRefused, CannotVerify, HomeError."""
        rules, policy = self._agreed()
        demand(len(token) <= MOST_BYTES, "evidence-format", f"at most {MOST_BYTES} characters", len(token))
        try:
            found = from_bytes(base64.b64decode(token, validate=True))
        except (binascii.Error, MalformedMessage, ValueError) as error:
            raise EvidenceRefused("evidence-format", "a token", type(error).__name__) from error
        own = found.binding
        member = rules.find(own.member)
        known = member is not None and (own.consortium, own.key) == (rules.digest, member.key)
        known = known and (own.size, own.root) == NO_LEDGER
        demand(known, "evidence-binding", "a member of this consortium with its key", own.member)
        made, now = int.from_bytes(own.nonce[:TIME_BYTES], "little"), self._clock()
        demand(abs(now - made) <= self._age, "evidence-age", f"at most {self._age} seconds", abs(now - made))
        demand(
            own.nonce not in self._seen, "evidence-binding", "a token that was not shown before", "a replay"
        )
        policy.verify(found.items, own.report_data(), now)
        self._seen.append(own.nonce)
        return own.member

    def _agreed(self) -> tuple[Rules, Policy]:
        rules = self._home.rules
        demand(rules is not None, "evidence-kind", "rules, once everybody has joined", "none yet")
        assert rules is not None
        policy = rules.attestation
        demand(policy is not None, "evidence-kind", "rules that ask for evidence", "others")
        assert policy is not None
        return rules, policy

"""A hospital: enrols its dataset or attends, uploads in rounds (`uploader`), and holds shares (`holder`)."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from proofward.federation.history.proving.statements import enrolment_statement
from proofward.federation.history.sharing.beacon_keys import KEY_SEED, beacon_key
from proofward.federation.history.sharing.sealing_keys import holder_keys, keys_said, kind_of_keys
from proofward.federation.history.state.history_state import (
    ABANDON,
    ANY_PHASE,
    CONFIRM,
    CONSENT,
    KEYS,
    LOCK,
    REVEAL,
    SHARES,
    UNMASK,
    UPLOAD,
    VERIFY,
    VOUCH,
)
from proofward.federation.history.state.round_state import Recorded
from proofward.federation.history.steps.attestation import lacking
from proofward.federation.messages.basics.values import integers_to_bytes
from proofward.federation.messages.consortium.rules import HOSPITAL
from proofward.federation.messages.records.catalogue import (
    AcceptedSet,
    Attendance,
    Consent,
    Enrolment,
    ShareSum,
    Upload,
)
from proofward.federation.parties.contributing.budget import NONE_LEFT, Spender
from proofward.federation.parties.contributing.uploader import CANNOT_PROVE
from proofward.federation.parties.equipment.own_records import PATIENTS, OwnRecords
from proofward.federation.parties.equipment.software import software_in_use
from proofward.federation.parties.equipment.surroundings import Surroundings
from proofward.ledger.keys import SigningKey

Signed = NDArray[np.int64]
NO_RECORDS = (np.zeros((0, 0), dtype=np.int64), np.zeros(0, dtype=np.int64))
"""Of a hospital where all rounds count."""


class Hospital(Spender):
    """State machine of a hospital.

    `features` is int64 (n, d) at scale fa, `labels` is int64 (n,), and `groups` is int64 (n,), the number of
    each row's patient; without it each row is of a patient of its own. They are needed until it is enrolled.
    Where all rounds count there are none.
    """

    may_be_admitted = True

    def __init__(
        self,
        name: str,
        key: SigningKey,
        around: Surroundings,
        features: Signed,
        labels: Signed,
        groups: Signed | None = None,
        next_key: SigningKey | None = None,
    ) -> None:
        super().__init__(name, key, around, next_key)
        self.records = OwnRecords(features, labels, groups)

    def duties(self) -> Iterator[bytes]:
        """See Follower."""
        phase, history = self.history.phase, self.history
        if self.name not in history.keys:  # not admitted yet
            return
        may_enrol = not lacking(history, self.name, HOSPITAL)
        if phase in ANY_PHASE and self.name not in history.joined and may_enrol:
            yield from self._attend() if self.rules.counts_only else self._enrol()
        yield from self.commit_noise()
        if (duty := self._by_phase.get(phase)) is not None and not self.waits_for_noise:
            yield from duty()
        yield from self.publish_counts()
        if phase == UPLOAD:
            self.notice_dropped(kind_of_keys(history), history.round.holder_keys)
        if phase in (VERIFY, SHARES, CONSENT, LOCK, UNMASK, CONFIRM):
            self.notice_dropped(Upload, history.round.uploads)
        if phase == CONFIRM:
            self.notice_dropped(ShareSum, history.round.share_sums)
        yield from super().duties()

    @property
    def _by_phase(self) -> dict[str, Callable[[], Iterator[bytes]]]:
        return {
            VOUCH: self.vouch,
            REVEAL: self.reveal,
            KEYS: self._publish_keys,
            UPLOAD: self._upload,
            SHARES: self.check_shares,
            CONSENT: self._consent,
            LOCK: self.lock,
            UNMASK: self.unmask,
            ABANDON: self.abandon,
        }

    def _enrol(self) -> Iterator[bytes]:
        if self.state.fact("unable/enrolment") is not None:
            return
        if (earlier := self.sent(Enrolment)) is not None:
            yield earlier
            return
        start = time.perf_counter()
        if self.rules.config.training.validation_share:
            self.records = self.records.arranged(self.source("order-of-patients"))
        try:
            self.records.check(self.rules.config.privacy)
            rows, proof, root, secret = self.prove_enrolment()
        except CANNOT_PROVE as error:
            self._unable("unable/enrolment", str(error))
            return
        self.report("proved", "enrolment", start)
        seed = self.source("beacon-key")(32)
        key = beacon_key(self.rules, self.name, seed)
        digest, width = hashlib.sha256(proof).digest(), self.records.features.shape[1]
        record = Enrolment(rows, width, digest, key, self.data_sheet, software_in_use())
        secrets = {f"dataset/{root.hex()}": secret, KEY_SEED: seed}
        if self.rules.config.training.validation_share:
            secrets[PATIENTS] = integers_to_bytes(self.records.patients)
        yield self.say(record, (proof,), secrets=secrets)

    def _attend(self) -> Iterator[bytes]:
        if (earlier := self.sent(Attendance)) is not None:
            yield earlier
            return
        seed = self.source("beacon-key")(32)
        key = beacon_key(self.rules, self.name, seed)
        record = Attendance(key, self.data_sheet, software_in_use())
        yield self.say(record, secrets={KEY_SEED: seed})

    def prove_enrolment(self) -> tuple[int, bytes, bytes, bytes]:
        """(rows, proof, dataset root, dataset secret)."""
        rows = len(self.records.labels)
        statement = enrolment_statement(self.rules, self.name, rows)
        proof, root, secret = self.proofs.prove_enrolment(
            statement, self.records.features, self.records.labels, self.source("prove-enrolment")
        )
        return rows, proof, root, secret

    def _publish_keys(self) -> Iterator[bytes]:
        state = self.history.round
        if self.name not in state.participants or self.name in state.holder_keys:
            return
        if (earlier := self.sent(kind_of_keys(self.history))) is not None:
            yield earlier
            return
        if not self.holds:
            yield self.say(keys_said(self.history, ())[0])
            return
        seed = self.source("sealing")(32)
        said, objects = keys_said(self.history, self.sealing_keys(seed))
        yield self.say(said, objects, secrets={self.fact_name("sealing"): seed})

    def sealing_keys(self, seed: bytes) -> tuple[bytes, ...]:
        """The public keys of this holder, one for each dealer."""
        return holder_keys(self.history, self.name, seed)

    def _consent(self) -> Iterator[bytes]:
        state = self.history.round
        assert state.accepted is not None
        member = self.name in state.accepted.record.hospitals
        if member and self.name not in state.consents and self.remembers and not self.too_late:
            if self.may_release(state.accepted.digest):
                yield self.consent(state.accepted)
            elif self.state.fact(fact := self.fact_name("unable")) is None:
                self._unable(fact, NONE_LEFT)

    def consent(self, accepted: Recorded[AcceptedSet]) -> bytes:
        """The packet that consents to an accepted set.

        Raises Refusal for a second set of one round, unless the first was abandoned.
        """
        name = f"consent/{self.history.round.number}"
        self.require_only_set(name, accepted)
        facts = {name: accepted.digest, **self.spending(accepted.digest)}
        return self.say(Consent(accepted.digest, self.history.round.model), facts=facts)

    def kept_secrets(self) -> set[str]:
        """See Uploader; the newest accepted dataset commitment, what may be the next one, the patients."""
        root, kept = self.history.dataset_roots.get(self.name), super().kept_secrets() | {PATIENTS}
        if root is not None and self.history.phase == KEYS:
            return kept | {f"dataset/{root.hex()}"}
        return kept | {name for name in self.state.secrets.names() if name.startswith("dataset/")}
